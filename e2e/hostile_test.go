//go:build live

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"django-sidecar/internal/config"
	"django-sidecar/internal/demo"
	"django-sidecar/internal/djangotest"
)

// hostileCount is how many random byte strings each of the two tests sends.
const hostileCount = 100_000

// demoDeployment makes the demo's database, sets the environment for it, and returns the visits that it knows.
func demoDeployment(t *testing.T) (path string, visits []demo.Example) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "db.sqlite3")
	t.Setenv("DATABASE_URL", "sqlite:///"+path)
	t.Setenv("DJANGO_SECRET_KEY", "a secret key that is long enough")
	c, err := config.FromProcess()
	if err != nil {
		t.Fatal(err)
	}
	if visits, err = demo.Deploy(t.Context(), c, path); err != nil {
		t.Fatal(err)
	}
	return path, visits
}

// randomBytes makes n bytes that a header can carry, often of the kinds that parsers stumble over.
func randomBytes(r *rand.Rand, n int) []byte {
	const spice = `";=\,sessionid= 07:.{}[]_-` + "\t\xc3\xa9\xff\xf0\x9f\x98\x80\xe2\x82"
	b := make([]byte, n)
	for i := range b {
		if r.IntN(2) == 0 {
			b[i] = spice[r.IntN(len(spice))]
		} else if b[i] = byte(r.UintN(256)); b[i] < ' ' || b[i] == 0x7f {
			b[i] = '"'
		}
	}
	return b
}

func heapBytes() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestHostileCookies sends random Cookie headers: none may be a user, a failure or a crash, and memory stays flat.
func TestHostileCookies(t *testing.T) {
	_, visits := demoDeployment(t)
	sidecar := startSidecar(t)
	r := rand.New(rand.NewPCG(djangotest.Seed(t), 0))
	sidecar.ask(t, []byte(visits[0].Cookie))
	before := heapBytes()
	for range hostileCount {
		cookie := randomBytes(r, r.IntN(200))
		if r.IntN(2) == 0 {
			cookie = append([]byte("sessionid="), cookie...)
		}
		if user, status := sidecar.ask(t, cookie); user != nil || status != http.StatusUnauthorized {
			t.Fatalf("%q: user %s, status %d", cookie, text(user), status)
		}
	}
	if after := heapBytes(); after > before+8<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
	if user, _ := sidecar.ask(t, []byte(visits[0].Cookie)); text(user) != `"1"` {
		t.Errorf("the live session names %s", text(user))
	}
}

// TestHostileSessionData stores random bytes, and mutations of real session data, as session_data, and asks for
// them.
func TestHostileSessionData(t *testing.T) {
	path, visits := demoDeployment(t)
	db := openSQLite(t, path)
	key := visits[0].Cookie[len("sessionid="):]
	var real string
	if err := db.QueryRowContext(t.Context(), "SELECT session_data FROM django_session WHERE session_key = ?", key).Scan(&real); err != nil {
		t.Fatal(err)
	}
	d := deploymentForTest(t)
	sidecar := startSidecar(t)
	r := rand.New(rand.NewPCG(djangotest.Seed(t), 0))
	before := heapBytes()
	for i := range hostileCount {
		data := randomBytes(r, r.IntN(400))
		if i%2 == 0 {
			data = []byte(real)
			data[r.IntN(len(data))] ^= byte(1 + r.UintN(255))
		}
		if _, err := d.Codec().Decode(string(data)); err == nil {
			t.Fatalf("decoded %q", data)
		}
		if i%100 != 0 { // the whole way through the database and HTTP, for some
			continue
		}
		stored := fmt.Sprintf("hostile-%032d", i)
		if _, err := db.ExecContext(t.Context(), "INSERT INTO django_session VALUES (?, ?, ?)",
			stored, string(data), time.Now().Add(time.Hour).UTC().Format(time.DateTime)); err != nil {
			t.Fatal(err)
		}
		if user, status := sidecar.ask(t, []byte("sessionid="+stored)); user != nil || status != http.StatusUnauthorized {
			t.Fatalf("%q: user %s, status %d", data, text(user), status)
		}
	}
	if after := heapBytes(); after > before+8<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
}
