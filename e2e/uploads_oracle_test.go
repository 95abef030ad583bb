//go:build live

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/upload"
)

var uploadCount = flag.Int("uploads", 200, "how many uploads every Django is compared in, and half as many with other settings")

// storedFile is a file that has been taken, as Django and the sidecar both tell of it, and the disk.
type storedFile struct {
	Field        string `json:"field"`
	Name         string `json:"name"`
	OriginalName string `json:"original_name"`
	Size         int64  `json:"size"`
	ContentType  string `json:"content_type"`
	SHA256       string `json:"sha256"`
	Modes        []int  `json:"modes"` // of the file and of the directories above it
}

// formAnswer is what became of a request.
type formAnswer struct {
	Status  int          `json:"status"`
	Files   []storedFile `json:"files"`
	Message string       `json:"message"` // of the sidecar
}

// refused: nothing has been stored that anybody was told of.
func (a formAnswer) refused() bool { return a.Status >= 300 || len(a.Files) == 0 }

// uploadDeployment is a pair of settings for both sides.
type uploadDeployment struct {
	name      string
	uploadTo  string
	maxLength int
	django    map[string]any    // of Django
	sidecar   map[string]string // the same, for the sidecar
}

// parts is how many parts of one kind a form may have in the deployment that has few.
func (d uploadDeployment) parts() int {
	limit, ok := d.django["DATA_UPLOAD_MAX_NUMBER_FILES"].(int)
	if !ok {
		return 100
	}
	return limit
}

var uploadDeployments = []uploadDeployment{
	{name: "defaults", uploadTo: "uploads/%Y/%m/%d/", maxLength: 100},
	{
		"other settings", "in box/%y-%b/%A.%j", 60,
		map[string]any{
			"FILE_UPLOAD_PERMISSIONS": 0o640, "FILE_UPLOAD_DIRECTORY_PERMISSIONS": 0o750, "DATA_UPLOAD_MAX_NUMBER_FILES": 4,
			"DATA_UPLOAD_MAX_NUMBER_FIELDS": 5, "DATA_UPLOAD_MAX_MEMORY_SIZE": 200, "FILE_UPLOAD_MAX_MEMORY_SIZE": 20000,
		},
		map[string]string{
			"DJANGO_FILE_UPLOAD_PERMISSIONS": "0o640", "DJANGO_FILE_UPLOAD_DIRECTORY_PERMISSIONS": "0o750", "DJANGO_DATA_UPLOAD_MAX_NUMBER_FILES": "4",
			"DJANGO_DATA_UPLOAD_MAX_NUMBER_FIELDS": "5", "DJANGO_DATA_UPLOAD_MAX_MEMORY_SIZE": "200",
		},
	},
}

// noonZone is a time zone in which the day does not end while the test runs.
func noonZone() string {
	east := 12 - time.Now().UTC().Hour()
	if east == 0 {
		return "Etc/GMT"
	}
	return fmt.Sprintf("Etc/GMT%+d", -east) // POSIX counts westwards
}

// uploadPair is a Django and a sidecar with the same settings, and a MEDIA_ROOT each.
type uploadPair struct {
	t       *testing.T
	version string
	django  *uploadOracle
	theirs  string // Django's MEDIA_ROOT
	site    *uploadSite
	url     string
	client  *http.Client
}

func newUploadPair(t *testing.T, version string, d uploadDeployment) *uploadPair {
	t.Helper()
	base, zone := memoryDir(t), noonZone()
	settings := map[string]string{
		"DJANGO_VERSION": version, "DJANGO_TIME_ZONE": zone, "SIDECAR_UPLOAD_TO": d.uploadTo, "SIDECAR_UPLOAD_MAX_NAME_LENGTH": fmt.Sprint(d.maxLength),
	}
	for name, value := range d.sidecar {
		settings[name] = value
	}
	p := &uploadPair{t: t, version: version, theirs: filepath.Join(base, "django"), site: newUploadSite(t, base, settings)}
	if err := os.Mkdir(p.theirs, 0o755); err != nil {
		t.Fatal(err)
	}
	django := map[string]any{"MEDIA_ROOT": p.theirs, "TIME_ZONE": zone}
	for name, value := range d.django {
		django[name] = value
	}
	p.django = startUploadOracle(t, version, map[string]any{"settings": django, "upload_to": d.uploadTo, "max_length": d.maxLength})
	p.url = "http://" + p.site.serve(t) + "/upload"
	client, closeIdle := newClient(time.Minute)
	t.Cleanup(closeIdle)
	p.client = client
	return p
}

// askSidecar sends a request, every other one without its length.
func (p *uploadPair) askSidecar(c formCase, n int) formAnswer {
	p.t.Helper()
	var body io.Reader = strings.NewReader(c.body)
	if n%2 == 0 {
		body = struct{ io.Reader }{body}
	}
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url, body)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header = http.Header{"Content-Type": {c.contentType}, "Cookie": {p.site.cookie}}
	response, err := p.client.Do(request)
	if err != nil {
		p.t.Fatalf("no answer to %.500q: %v", c.body, err)
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		p.t.Fatal(err)
	}
	var told struct {
		Files   []upload.Stored
		Message string
	}
	if err := json.Unmarshal(text, &told); err != nil {
		p.t.Fatalf("%s: %v", text, err)
	}
	a := formAnswer{Status: response.StatusCode, Message: told.Message}
	for _, f := range told.Files {
		a.Files = append(a.Files, p.onDisk(f))
	}
	return a
}

// onDisk is a file as it lies there; that the answer says the same of it is checked here.
func (p *uploadPair) onDisk(f upload.Stored) storedFile {
	p.t.Helper()
	path := filepath.Join(p.site.root, f.Name)
	content, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	s := storedFile{f.Field, f.Name, f.OriginalName, int64(len(content)), f.ContentType, hex.EncodeToString(sum[:]), nil}
	if f.Size != s.Size || f.SHA256 != s.SHA256 {
		p.t.Errorf("the answer says %+v of what is %+v", f, s)
	}
	for ; path != p.site.root; path = filepath.Dir(path) {
		var info syscall.Stat_t
		if err := syscall.Lstat(path, &info); err != nil {
			p.t.Fatal(err)
		}
		s.Modes = append(s.Modes, int(info.Mode&0o7777))
	}
	return s
}

// clear empties both MEDIA_ROOTs, so that what was read otherwise changes no further name, and wants only such files in
// the sidecar's as it has told of.
func (p *uploadPair) clear(told []string) {
	p.t.Helper()
	found := filesBelow(p.t, p.site.root)
	for _, name := range told {
		delete(found, name)
	}
	if len(found) > 0 || len(filesBelow(p.t, p.site.state)) > 0 {
		p.t.Errorf("nobody was told of %v", found)
	}
	for _, root := range []string{p.site.root, p.theirs} {
		entries, err := os.ReadDir(root)
		for _, e := range entries {
			err = errors.Join(err, os.RemoveAll(filepath.Join(root, e.Name())))
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

// TestUploadOracle compares what the sidecar stores of requests with what Django's own views, models and storages do.
func TestUploadOracle(t *testing.T) {
	seed := djangotest.Seed(t)
	for i, d := range uploadDeployments {
		g := &formGenerator{Rand: rand.New(rand.NewPCG(seed, uint64(i)))}
		cases := make([]formCase, *uploadCount/(i+1))
		for n := range cases {
			cases[n] = g.next()
		}
		for _, version := range djangotest.Lines {
			t.Run(d.name+", Django "+version, func(t *testing.T) { newUploadPair(t, version, d).compare(cases) })
		}
	}
}

// compare asks both, and wants the same.
func (p *uploadPair) compare(cases []formCase) {
	p.t.Helper()
	count := uploadTally{departures: map[string]int{}, sabotaged: make([]int, len(uploadSabotage))}
	var told []string
	for i, c := range cases {
		ours := p.askSidecar(c, i)
		var theirs formAnswer
		p.django.ask(map[string]any{"type": c.contentType, "body": []byte(c.body)}, &theirs)
		for _, f := range ours.Files {
			told = append(told, f.Name)
		}
		count.add(p, c, ours, theirs)
		if !slices.EqualFunc(ours.Files, theirs.Files, sameStored) || theirs.refused() || i%25 == 24 {
			p.clear(told)
			told = nil
		}
	}
	p.clear(told)
	count.report(p.t, len(cases))
}
