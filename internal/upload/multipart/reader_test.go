package multipart_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"django-sidecar/internal/upload/multipart"
)

const (
	ofB   = "multipart/form-data; boundary=b"
	fileF = `form-data; name="f"; filename="x"`
	head  = "Content-Disposition: " + fileF + "\r\n\r\n"
)

// bodies are odd bodies with the boundary b.
var bodies = []struct {
	name, body string
	parts      []part
	err        error // nil: io.EOF
}{
	{"no parts", "--b--", nil, nil},
	{"no parts, and an epilogue", "--b--\r\n--b\r\n" + head + "x\r\n--b--", nil, nil},
	{"nothing", "", nil, multipart.ErrTruncated},
	{"no boundary", "abc\r\n\r\ndef", nil, multipart.ErrTruncated},
	{"a preamble", "pre\r\namble --b--\r\n--b\r\n" + head + "x\r\n--b--", []part{file(fileF, "", "x")}, nil},
	{"a preamble with a header is none", "\r\n" + head + "x\r\n--b--", nil, nil},
	{"a preamble of 1023 bytes", strings.Repeat("p", 1023) + "\r\n--b--", nil, nil},
	{"a preamble of 1024 bytes", strings.Repeat("p", 1024) + "\r\n--b--", nil, multipart.ErrHeaderTooLarge},
	{"an epilogue", "--b\r\n" + head + "x\r\n--b--\r\nepilogue", []part{file(fileF, "", "x")}, nil},
	{"only LF before boundaries", "--b\r\n" + head + "x\n--b\r\n" + head + "y\n--b--\n", []part{file(fileF, "", "x"), file(fileF, "", "y")}, nil},
	{"only CR before a boundary", "--b\r\n" + head + "x\r--b--\r\ny\r\n--b--", []part{file(fileF, "", "x\r--b--\r\ny")}, nil},
	{"CR CRLF before a boundary", "--b\r\n" + head + "x\r\r\n--b--", []part{file(fileF, "", "x\r")}, nil},
	{"LF after a boundary", "--b\n\r\n" + head + "x\r\n--b--\n", []part{file(fileF, "", "x")}, nil},
	{"spaces after boundaries", "--b \t\r\n" + head + "x\r\n--b-- \t ", []part{file(fileF, "", "x")}, nil},
	{"too many spaces after a boundary", "--b\r\n" + head + "x\r\n--b" + strings.Repeat(" ", 65) + "\r\n\r\n--b--", []part{file(fileF, "", "x\r\n--b"+strings.Repeat(" ", 65)+"\r\n")}, nil},
	{
		"a boundary with more on its line is content",
		"--b\r\n" + head + "\r\n--bb\r\n--b-\r\n--b-- x\r\n--b \r \r\n--b x\r\n--b\r\r\n--b---\r\n--b--",
		[]part{file(fileF, "", "\r\n--bb\r\n--b-\r\n--b-- x\r\n--b \r \r\n--b x\r\n--b\r\r\n--b---")},
		nil,
	},
	{"a boundary within a line is content", "--b\r\n" + head + "abc--b\r\n--b--", []part{file(fileF, "", "abc--b")}, nil},
	{"content that begins with a boundary", "--b\r\n" + head + "--b--\r\n--b--", []part{{}}, nil},
	{"an empty file", "--b\r\n" + head + "\r\n--b--", []part{file(fileF, "", "")}, nil},
	{"no header", "--b\r\n\r\nabc\r\n--b--", []part{{}}, nil},
	{"no header, and no line end", "--b\r\n--b\r\n\r\n--b\r\n\r\n\r\n--b--", []part{{}, {}, {}}, nil},
	{"no end of a header", "--b\r\nContent-Disposition: " + fileF + "\r\n--b--", []part{{}}, nil},
	{"LF alone ends no header line", "--b\nContent-Disposition: " + fileF + "\n\nabc\n--b--\n", []part{{}}, nil},
	{"LF alone within a header", "--b\r\nX: y\nContent-Disposition: " + fileF + "\r\n\r\nabc\r\n--b--\r\n", []part{{}}, nil},
	{"lines without a colon", "--b\r\nabc\r\n" + head + "x\r\n--b--", []part{file(fileF, "", "x")}, nil},
	{"names in any case", "--b\r\ncOntENT-disPOSItion:" + fileF + "\r\nCONTENT-TYPE:\t a/b ; c=d \r\n\r\nx\r\n--b--", []part{file(fileF, "a/b ; c=d", "x")}, nil},
	{"names with other letters", "--b\r\nContent-Diſpoſition: " + fileF + "\r\n\r\nx\r\n--b--", []part{{}}, nil},
	{"the last line of a name counts", "--b\r\nContent-Disposition: x\r\nContent-Type: a\r\nContent-Type: b\r\n" + head + "x\r\n--b--", []part{file(fileF, "b", "x")}, nil},
	{"a folded line continues nothing", "--b\r\nContent-Disposition: form-data;\r\n name=\"f\"\r\n\r\nx\r\n--b--", []part{{Disposition: "form-data;"}}, nil},
	{"NUL", "--b\r\nContent-Disposition: form-data; name=\"\x00\"\r\n\r\n\x00\r\n--b--", []part{field("form-data; name=\"\x00\"", "\x00")}, nil},
	{"a space before a name", "--b\r\n " + head + "x\r\n--b--", nil, errMalformed},
	{"a space after a name", "--b\r\nContent-Type : x\r\n\r\nx\r\n--b--", nil, errMalformed},
	{"LF after a boundary, and a header at once", "--b\n" + head + "x\r\n--b--", nil, errMalformed},
	{"a header of 1024 bytes", "--b\r\nX: " + strings.Repeat("x", 1024-len("\r\nX: \r\n"+head)) + "\r\n" + head + "x\r\n--b--", []part{file(fileF, "", "x")}, nil},
	{"a header of 1025 bytes", "--b\r\nX: " + strings.Repeat("x", 1025-len("\r\nX: \r\n"+head)) + "\r\n" + head + "x\r\n--b--", nil, multipart.ErrHeaderTooLarge},
	{"a part of 1023 bytes without a header", "--b" + strings.Repeat("\r\nx", 341) + "\r\n--b--", []part{{}}, nil},
	{"a part of 1026 bytes without a header", "--b" + strings.Repeat("\r\nx", 342) + "\r\n--b--", nil, multipart.ErrHeaderTooLarge},
	{"quoted-printable is not decoded", "--b\r\nContent-Transfer-Encoding: quoted-printable\r\n" + head + "=41\r\n--b--", []part{file(fileF, "", "=41")}, nil},
}

func TestBodies(t *testing.T) {
	t.Parallel()
	for _, c := range bodies {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := c.err
			if want == nil {
				want = io.EOF
			}
			for _, size := range []byte{0, 1, 2, 5} {
				got, err := readAll(&pieces{data: []byte(c.body), sizes: []byte{size, 255}}, ofB, multipart.Limits{}, nil, 0)
				if diff := diffParts(c.parts, got); diff != "" || !sameError(err, want) {
					t.Errorf("%v, want %v: %s", err, want, diff)
				}
			}
			limits := multipart.Limits{HeaderBytes: 1024, Files: 100, Fields: 1000, FieldBytes: 2621440}
			slow, err := slowParse([]byte(c.body), "b", limits)
			if diff := diffParts(c.parts, slow); diff != "" || !errors.Is(err, want) {
				t.Errorf("slowParse: %v, want %v: %s", err, want, diff)
			}
		})
	}
}

func TestBase64(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		encoding, disposition, text string
		want                        string
		malformed                   bool
	}{
		{"base64", fileF, "", "", false},
		{"BASE64 ; x=y", fileF, "QUJD", "ABC", false},
		{"base64", fileF, "QUI=", "AB", false},
		{"base64", fileF, "QQ==", "A", false},
		{"base64", fileF, " Q U\r\nJ\tD\v\f\nQQ\r\n=\r\n=\r\n ", "ABCA", false},
		{"base64", fileF, strings.Repeat("QUJD\r\n", 1000), strings.Repeat("ABC", 1000), false},
		{"base64", fileF, strings.Repeat("Q UJDR", 1001), "", true},
		{"base64", fileF, "QR==", "A", false}, // bits that nobody reads
		{"base64", fileF, "Q", "", true},
		{"base64", fileF, "QU", "", true},
		{"base64", fileF, "QUI", "", true},
		{"base64", fileF, "QQ=", "", true},
		{"base64", fileF, "Q===", "", true},
		{"base64", fileF, "====", "", true},
		{"base64", fileF, "QUJD====", "", true},
		{"base64", fileF, "QQ==QUJD", "", true},
		{"base64", fileF, "QQ=Q", "", true},
		{"base64", fileF, "QUJ-", "", true},
		{"base64", fileF, "QU\xa0JD", "", true},
		{"base 64", fileF, "QUJD", "QUJD", false},
		{"base64", `form-data; name="f"`, "QUJD", "ABC", false},
		{"base64", `form-data; name="f"`, "QUJ", "QUJ", false},
		{"base64", `form-data; name="f"`, "QU JD", "QU JD", false},
		{"base64", `form-data; name="f"`, "QUJD\r\n", "QUJD\r\n", false},
		{"base64; \xff", `form-data; name="f"`, "QUJD", "QUJD", false},
	} {
		body := "--b\r\nContent-Disposition: " + c.disposition + "\r\nContent-Transfer-Encoding:" + c.encoding + "\r\n\r\n" + c.text + "\r\n--b--"
		for readSize := range 3 {
			got, err := readAll(iotest.OneByteReader(strings.NewReader(body)), ofB, multipart.Limits{}, nil, readSize)
			switch {
			case c.malformed:
				if !errors.As(err, new(*multipart.ParserError)) {
					t.Errorf("%.80q: %v, want a SyntaxError", c.text, err)
				}
			case !errors.Is(err, io.EOF) || len(got) != 1 || string(got[0].Content) != c.want:
				t.Errorf("%.80q: %.80v, %v, want %.80q", c.text, got, err, c.want)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	aFile, aField, nothing := "--b\r\n"+head+"x\r\n", "--b\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nvalue\r\n", "--b\r\n\r\n\r\n"
	aFieldIn64 := strings.Replace(aField, "\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1)
	for _, c := range []struct {
		name   string
		body   string
		limits multipart.Limits
		want   error
	}{
		{"100 files", strings.Repeat(aFile, 100), multipart.Limits{}, io.EOF},
		{"101 files", strings.Repeat(aFile, 101), multipart.Limits{}, multipart.ErrTooManyFiles},
		{"no limit of files", strings.Repeat(aFile, 101), multipart.Limits{Files: -1}, io.EOF},
		{"1000 fields", strings.Repeat(aField, 1000), multipart.Limits{}, io.EOF},
		{"1001 fields", strings.Repeat(aField, 1001), multipart.Limits{}, multipart.ErrTooManyFields},
		{"no limit of fields", strings.Repeat(aField, 1001), multipart.Limits{Fields: -1}, io.EOF},
		{"parts that are nothing count as fields", strings.Repeat(aField, 500) + strings.Repeat(nothing, 501), multipart.Limits{}, multipart.ErrTooManyFields},
		{"files do not", strings.Repeat(aField, 2) + aFile, multipart.Limits{Fields: 2}, io.EOF},
		{"two fields of 8 bytes", strings.Repeat(aField, 2), multipart.Limits{FieldBytes: 16}, io.EOF},
		{"two fields of 8 bytes, and one byte less", strings.Repeat(aField, 2), multipart.Limits{FieldBytes: 15}, multipart.ErrFieldsTooLarge},
		{"base64 counts as it was sent", aFieldIn64, multipart.Limits{FieldBytes: 7}, multipart.ErrFieldsTooLarge},
		{"no limit of bytes", aField, multipart.Limits{FieldBytes: -1}, io.EOF},
		{"a field that is too large", strings.Replace(aField, "value", strings.Repeat("v", 2621438), 1), multipart.Limits{}, multipart.ErrFieldsTooLarge},
		{"a field that is not", strings.Replace(aField, "value", strings.Repeat("v", 2621437), 1), multipart.Limits{}, io.EOF},
		{"files do not count", strings.Replace(aFile, "x\r\n", strings.Repeat("v", 2621440)+"\r\n", 1), multipart.Limits{}, io.EOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := readAll(strings.NewReader(c.body+"--b--"), ofB, c.limits, nil, 0); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

func TestSourceFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	body := "--b\r\n" + head + "x\r\n--b--"
	for at := range len(body) {
		source := io.MultiReader(strings.NewReader(body[:at]), iotest.ErrReader(broken))
		if _, err := readAll(source, ofB, multipart.Limits{}, nil, 0); !errors.Is(err, broken) {
			t.Errorf("after %d: %v", at, err)
		}
	}
	if _, err := readAll(&pieces{data: []byte(body), sizes: []byte{0}}, ofB, multipart.Limits{}, nil, 0); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a source that gives nothing: %v", err)
	}
}

// shortWriter takes fewer bytes than it is given.
type shortWriter struct{ err error }

func (w shortWriter) Write(b []byte) (int, error) { return len(b) - 1, w.err }

func TestWriterFails(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	for _, c := range []struct{ err, want error }{{full, full}, {nil, io.ErrShortWrite}} {
		f := firstFile(t, "--b\r\n"+head+"xyz\r\n--b--")
		if n, err := f.WriteTo(shortWriter{c.err}); n != 2 || !errors.Is(err, c.want) {
			t.Errorf("%d, %v, want %v", n, err, c.want)
		}
		if n, err := f.Read(make([]byte, 9)); n != 0 || !errors.Is(err, c.want) {
			t.Errorf("then %d, %v", n, err)
		}
	}
}

func firstFile(t *testing.T, body string) *multipart.FileContent {
	t.Helper()
	r, err := multipart.NewReader(strings.NewReader(body), ofB, multipart.Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	f, err := p.File()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestReadThenWriteTo(t *testing.T) {
	t.Parallel()
	f := firstFile(t, "--b\r\n"+head+"0123456789\r\n--b--")
	start := make([]byte, 4)
	if _, err := io.ReadFull(f, start); err != nil {
		t.Fatal(err)
	}
	var rest bytes.Buffer
	if n, err := f.WriteTo(&rest); string(start)+rest.String() != "0123456789" || n != 6 || err != nil {
		t.Errorf("%q, %q, %d, %v", start, &rest, n, err)
	}
	if n, err := f.WriteTo(&rest); n != 0 || err != nil {
		t.Errorf("at the end: %d, %v", n, err)
	}
	if n, err := f.Read(start); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %d, %v", n, err)
	}
}

func TestPartsAreUsedOnce(t *testing.T) {
	t.Parallel()
	r, err := multipart.NewReader(strings.NewReader("--b\r\n"+head+"x\r\n--b\r\n"+head+"y\r\n--b--"), ofB, multipart.Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	first, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	f, err := first.File()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Field(1); err == nil {
		t.Error("a file is also a field")
	}
	second, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	_, readErr := f.Read(make([]byte, 1))
	_, writeErr := f.WriteTo(io.Discard)
	_, fileErr := first.File()
	if readErr == nil || writeErr == nil || fileErr == nil {
		t.Errorf("a part can be read after Next: %v, %v, %v", readErr, writeErr, fileErr)
	}
	if value, err := second.Field(1); string(value) != "y" || err != nil {
		t.Errorf("%q, %v", value, err)
	}
}

func TestSmallBuffer(t *testing.T) {
	t.Parallel()
	for _, limits := range []multipart.Limits{{}, {HeaderBytes: 10000}} {
		least := smallest(t, ofB, limits)
		if h := max(limits.HeaderBytes, 1024); least < h || least > h+512 {
			t.Errorf("the shortest buffer for %d is %d", limits.HeaderBytes, least)
		}
	}
	if _, err := multipart.NewReader(strings.NewReader(""), ofB, multipart.Limits{HeaderBytes: 1 << 20}, nil); err != nil {
		t.Errorf("a buffer of its own is too small: %v", err)
	}
}

// TestNothingIsReadAfterTheEnd: a client that keeps the connection open is not waited for.
func TestNothingIsReadAfterTheEnd(t *testing.T) {
	t.Parallel()
	source := io.MultiReader(strings.NewReader("--b\r\n"+head+"x\r\n--b--\r\n"), iotest.ErrReader(errors.New("read on")))
	if got, err := readAll(source, ofB, multipart.Limits{}, nil, 0); len(got) != 1 || !errors.Is(err, io.EOF) {
		t.Errorf("%v, %v", got, err)
	}
}

// repeated is a source of n bytes, made of one line over and over.
type repeated struct {
	line string
	n    int
}

func (r *repeated) Read(b []byte) (int, error) {
	if r.n == 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(b) && r.n > 0 {
		m := copy(b[n:min(len(b), n+r.n)], r.line)
		n, r.n = n+m, r.n-m
	}
	return n, nil
}

// TestMemory reads long files and measures what is allocated. It is not parallel, since others allocate too.
func TestMemory(t *testing.T) {
	for _, header := range []string{head, "Content-Transfer-Encoding: base64\r\n" + head} {
		const length = 32 << 20
		source := io.MultiReader(strings.NewReader("--b\r\n"+header), &repeated{"QUJDREVGR0hJSktM", length}, strings.NewReader("\r\n--b--"))
		r, err := multipart.NewReader(source, ofB, multipart.Limits{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		f, err := p.File()
		if err != nil {
			t.Fatal(err)
		}
		n, err := f.WriteTo(onlyWriter{io.Discard})
		runtime.ReadMemStats(&after)
		if want := int64(length); err != nil || n != want && n != want/4*3 {
			t.Errorf("%d bytes, %v", n, err)
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 16<<10 {
			t.Errorf("%d bytes are allocated for a file of %d", spent, n)
		}
	}
}
