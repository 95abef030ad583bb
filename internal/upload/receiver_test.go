package upload_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/djangosession"
	"django-sidecar/internal/reply"
	"django-sidecar/internal/upload"
	"django-sidecar/internal/upload/media"
	"django-sidecar/internal/upload/multipart"
	"django-sidecar/internal/upload/naming"
)

type fixture struct {
	receiver *upload.Receiver
	root     string
	state    string
}

func newFixture(t *testing.T, change ...func(*upload.Config)) *fixture {
	t.Helper()
	version, err := djangosession.ParseVersion("5.2")
	if err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	f := &fixture{root: filepath.Join(base, "media"), state: filepath.Join(base, "state")}
	if err := os.Mkdir(f.root, 0o755); err != nil {
		t.Fatal(err)
	}
	mode := uint32(0o644)
	dir, err := media.Open(media.Config{Root: f.root, StateDir: f.state, Version: version, FilePermissions: &mode})
	if err != nil {
		t.Fatal(err)
	}
	rules, err := naming.New(naming.Config{Version: version, UploadTo: "up/%Y", Location: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	c := upload.Config{
		Media: dir, Rules: rules, MaxBytes: 1 << 20, Digest: true, MediaURL: "/media/",
		Now: func() time.Time { return time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC) },
	}
	for _, set := range change {
		set(&c)
	}
	f.receiver = upload.New(c)
	return f
}

// files are the files under MEDIA_ROOT, with what is in them.
func (f *fixture) files(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(f.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		found[strings.TrimPrefix(path, f.root+"/")] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// wantNothing: neither a file nor a trace of one.
func (f *fixture) wantNothing(t *testing.T) {
	t.Helper()
	if found := f.files(t); len(found) > 0 {
		t.Errorf("left under MEDIA_ROOT: %q", found)
	}
	left, err := os.ReadDir(f.state)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		if !entry.IsDir() {
			t.Errorf("left in the state directory: %s", entry.Name())
		}
	}
}

func alive(context.Context) error { return nil }

// form is a body with the boundary of Cordova on Android.
func form(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--+++++\r\n" + p + "\r\n")
	}
	return b.String() + "--+++++--\r\n"
}

func filePart(field, name, content string) string {
	return fmt.Sprintf("Content-Disposition: form-data; name=%q; filename=%q\r\nContent-Type: text/plain\r\n\r\n%s", field, name, content)
}

const formType = "multipart/form-data; boundary=+++++"

func (f *fixture) receive(body string) ([]upload.Stored, error) {
	return f.receiver.Receive(context.Background(), upload.Submission{
		Body: strings.NewReader(body), ContentType: formType, Length: int64(len(body)), Check: alive,
	})
}

func TestAForm(t *testing.T) {
	f := newFixture(t)
	body := form("Content-Disposition: form-data; name=\"title\"\r\n\r\nA title", filePart("file", "../a b.txt", "abc"), filePart("more", "a b.txt", ""),
		filePart("none", "..", "x"), filePart("", "nameless.txt", "x"))
	got, err := f.receive(body)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || !strings.HasPrefix(got[1].Name, "up/2026/a_b_") || !strings.HasSuffix(got[1].Name, ".txt") {
		t.Fatalf("got %+v", got)
	}
	second := got[1].Name
	want := []upload.Stored{
		{
			Field: "file", Name: "up/2026/a_b.txt", OriginalName: "a b.txt", Size: 3, ContentType: "text/plain", DetectedType: "text/plain; charset=utf-8",
			SHA256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", URL: "/media/up/2026/a_b.txt",
		},
		{
			Field: "more", Name: second, OriginalName: "a b.txt", ContentType: "text/plain", DetectedType: "text/plain; charset=utf-8",
			SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", URL: "/media/" + second,
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff(map[string]string{"up/2026/a_b.txt": "abc", second: ""}, f.files(t)); d != "" {
		t.Errorf("the files: -want +got:\n%s", d)
	}
}

func TestARawBody(t *testing.T) {
	for disposition, want := range map[string]string{
		`attachment; filename="p.png"`: "up/2026/p.png", "": "up/2026/file", "attachment; filename=..": "up/2026/file",
		"attachment; filename*=UTF-8''na%C3%AFve.txt": "up/2026/naïve.txt",
	} {
		f := newFixture(t)
		got, err := f.receiver.Receive(t.Context(), upload.Submission{
			Body: strings.NewReader("\x89PNG\r\n\x1a\n"), ContentType: "Image/PNG; x=y", Disposition: disposition, Length: -1, Check: alive,
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || got[0].Name != want || got[0].Field != "file" || got[0].ContentType != "image/png" || got[0].DetectedType != "image/png" || got[0].Size != 8 {
			t.Errorf("%q: got %+v, want %s", disposition, got, want)
		}
		if url := strings.ReplaceAll("/media/"+want, "ï", "%C3%AF"); got[0].URL != url {
			t.Errorf("the URL is %s, want %s", got[0].URL, url)
		}
	}
}

func TestALargeFile(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef\r\n--++++\r\n"), 200_000)
	f := newFixture(t, func(c *upload.Config) { c.MaxBytes = int64(len(content)) })
	got, err := f.receiver.Receive(t.Context(), upload.Submission{
		Body: iotest.HalfReader(strings.NewReader(form(filePart("f", "l.bin", string(content))))), ContentType: formType, Length: -1, Check: alive,
	})
	if err != nil {
		t.Fatal(err)
	}
	if stored := f.files(t)["up/2026/l.bin"]; stored != string(content) || got[0].Size != int64(len(content)) {
		t.Errorf("%d bytes of %d", len(stored), len(content))
	}
}

// TestRefusals: each with its own status, and nothing is left behind, also of files that came before.
func TestRefusals(t *testing.T) {
	good := filePart("first", "first.txt", "abc")
	loggedOut := reply.Ended.Because(nil)
	for _, tt := range []struct {
		name, body, contentType string
		change                  func(*upload.Config)
		reader                  io.Reader
		check                   func(context.Context) error
		status                  int
	}{
		{name: "no closing boundary", body: "--+++++\r\n" + good + "\r\n--+++++\r\n" + filePart("f", "a.txt", "abc"), status: 400},
		{name: "no boundary", body: form(good), contentType: "multipart/form-data", status: 400},
		{name: "no files", body: form("Content-Disposition: form-data; name=\"a\"\r\n\r\nb"), status: 400},
		{name: "an urlencoded form", body: "a=b", contentType: "application/x-www-form-urlencoded", status: 400},
		{name: "too large", body: form(good, filePart("f", "a.txt", strings.Repeat("x", 101))), change: func(c *upload.Config) { c.MaxBytes = 100 }, status: 413},
		{name: "too large together", body: form(good, filePart("f", "a.txt", strings.Repeat("x", 60)), filePart("f", "b.txt", strings.Repeat("x", 60))), change: func(c *upload.Config) { c.MaxBytes, c.MaxFormBytes = 100, 110 }, status: 413},
		{name: "too large and raw", body: strings.Repeat("x", 101), contentType: "image/png", change: func(c *upload.Config) { c.MaxBytes = 100 }, status: 413},
		{name: "too many files", body: form(good, good), change: func(c *upload.Config) { c.Limits.Files = 1 }, status: 400},
		{name: "too many fields", body: form(good, "Content-Disposition: form-data; name=a\r\n\r\n1", "Content-Disposition: form-data; name=b\r\n\r\n1"), change: func(c *upload.Config) { c.Limits.Fields = 1 }, status: 400},
		{name: "too large fields", body: form(good, "Content-Disposition: form-data; name=a\r\n\r\n12345678901"), change: func(c *upload.Config) { c.Limits.FieldBytes = 10 }, status: 413},
		{name: "too long a header", body: form(good, filePart("f", strings.Repeat("n", 2000), "x")), status: 400},
		{name: "a name of which nothing is left", body: form(good, filePart("f", "!!!", "x")), status: 400},
		{name: "a name that does not fit", body: form(good, filePart("f", "x."+strings.Repeat("y", 200), "x")), status: 400},
		{name: "another ending", body: form(filePart("f", "a.png", "x"), filePart("f", "a.html", "x")), change: func(c *upload.Config) { c.Extensions = []string{".png"} }, status: 415},
		{name: "a page that is called a picture", body: form(good, filePart("f", "a.png", "<html>")), change: func(c *upload.Config) { c.CheckType = true }, status: 415},
		{name: "an ending that Django uncovers", body: form(filePart("f", "a.html!.pn g", "x")), change: func(c *upload.Config) { c.Extensions = []string{".pn g"} }, status: 415},
		{name: "logged out meanwhile", body: form(good), check: func(context.Context) error { return loggedOut }, status: 401},
		{name: "a body that breaks off", reader: io.MultiReader(strings.NewReader("--+++++\r\n"+good), iotest.ErrReader(io.ErrUnexpectedEOF)), status: 400},
		{name: "a body that is too slow", reader: io.MultiReader(strings.NewReader("--+++++\r\n"+good), iotest.ErrReader(os.ErrDeadlineExceeded)), status: 408},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			if tt.change != nil {
				f = newFixture(t, tt.change)
			}
			request := upload.Submission{Body: strings.NewReader(tt.body), ContentType: formType, Length: int64(len(tt.body)), Check: alive}
			if tt.contentType != "" {
				request.ContentType = tt.contentType
			}
			if tt.reader != nil {
				request.Body, request.Length = tt.reader, -1
			}
			if tt.check != nil {
				request.Check = tt.check
			}
			files, err := f.receiver.Receive(t.Context(), request)
			if err == nil {
				t.Fatalf("it is stored: %+v", files)
			}
			if refusal := upload.RefusalOf(err); refusal.Status != tt.status || refusal.Message == "" {
				t.Errorf("refused by %+v (%v), want status %d", refusal, err, tt.status)
			}
			f.wantNothing(t)
		})
	}
}

// TestStatuses: what the disk says is told apart.
func TestStatuses(t *testing.T) {
	for err, want := range map[error]int{
		media.ErrNoSpace: 507, media.ErrReadOnly: 503, media.ErrOutside: 503, media.ErrName: 400, media.ErrTaken: 503, syscall.EIO: 503,
		naming.ErrNameTooLong: 400, multipart.ErrTruncated: 400, errors.New("what else"): 503,
	} {
		if got := upload.RefusalOf(fmt.Errorf("doing: %w", err)); got.Status != want || !errors.Is(got, err) {
			t.Errorf("%v: status %d, want %d", err, got.Status, want)
		}
	}
}

// TestAllOrNothing: if one file cannot have a name, none has one.
func TestAllOrNothing(t *testing.T) {
	calls := 0
	f := newFixture(t, func(c *upload.Config) {
		c.Now = func() time.Time { // the names are made when the files come, and again at the end: the year ends before the last
			calls++
			year := 2026
			if calls == 4 {
				year = 2027
			}
			return time.Date(year, 12, 31, 23, 59, 59, 0, time.UTC)
		}
	})
	if err := os.MkdirAll(filepath.Join(f.root, "up"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/tmp", filepath.Join(f.root, "up/2027")); err != nil {
		t.Fatal(err)
	}
	_, err := f.receive(form(filePart("a", "a.txt", "1"), filePart("b", "b.txt", "2")))
	if !errors.Is(err, media.ErrOutside) {
		t.Fatalf("%v, want %v", err, media.ErrOutside)
	}
	f.wantNothing(t)
}

// TestManyAtOnce: the same name from everybody is a name for everybody.
func TestManyAtOnce(t *testing.T) {
	f := newFixture(t)
	type result struct {
		name string
		err  error
	}
	results := make(chan result)
	for i := range 50 {
		go func() {
			got, err := f.receive(form(filePart("f", "same.txt", fmt.Sprint(i))))
			if err != nil {
				results <- result{err: err}
				return
			}
			results <- result{name: got[0].Name}
		}()
	}
	var names []string
	for range 50 {
		r := <-results
		if r.err != nil {
			t.Error(r.err)
		}
		names = append(names, r.name)
	}
	slices.Sort(names)
	if n := len(slices.Compact(names)); n != 50 || len(f.files(t)) != 50 {
		t.Errorf("%d names, %d files", n, len(f.files(t)))
	}
}

// TestWithdrawsItsOwn: Django removes a file before the rest of its request fails, and stores another of the same name.
// That one stays. Those that are ours go, whatever symlinks lead to them.
func TestWithdrawsItsOwn(t *testing.T) {
	for name, symlink := range map[string]bool{"a directory": false, "a symlink": true} {
		t.Run(name, func(t *testing.T) {
			var f *fixture
			f = newFixture(t, func(c *upload.Config) {
				c.Published = func(_ context.Context, _ string, files []upload.Stored) error {
					at := filepath.Join(f.root, files[0].Name)
					return errors.Join(errors.New("no queue"), os.Remove(at), os.WriteFile(at, []byte("Django's"), 0o600))
				}
			})
			in := "up"
			if symlink {
				in = "real"
				if err := os.Symlink(filepath.Join(f.root, in), filepath.Join(f.root, "up")); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Mkdir(filepath.Join(f.root, in), 0o755); err != nil {
				t.Fatal(err)
			}
			if got, err := f.receive(form(filePart("a", "a.txt", "abc"), filePart("b", "b.txt", "def"))); err == nil {
				t.Errorf("got %v", got)
			}
			if diff := cmp.Diff(map[string]string{in + "/2026/a.txt": "Django's"}, f.files(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
