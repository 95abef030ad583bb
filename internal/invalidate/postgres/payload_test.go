package postgres

import (
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"django-sidecar/internal/keyhash"
)

// counter is a Forgetter that remembers what it forgets.
type counter struct {
	mu    sync.Mutex
	told  []string
	fresh bool

	confirmed []time.Time
}

func (c *counter) tell(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, what)
}

func (c *counter) ForgetSession(id keyhash.Hash) { c.tell("session " + hex.EncodeToString(id[:])) }
func (c *counter) ForgetUser(id string)          { c.tell("user " + id) }
func (c *counter) ForgetAccess()                 { c.tell("access") }
func (c *counter) ForgetAll()                    { c.tell("all") }

func (c *counter) SetFresh(fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fresh = fresh
}

func (c *counter) Confirm(until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.confirmed = append(c.confirmed, until)
}

func (c *counter) isFresh() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fresh
}

const hash1, hash2 = "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"

func TestPayloads(t *testing.T) {
	for payload, want := range map[string]string{
		"1 s " + hash1:                     "session " + hash1,
		"1 s " + hash1 + "," + hash2:       "session " + hash1 + ";session " + hash2,
		"1 u 42":                           "user 42",
		"1 u 42,-1":                        "user 42;user -1",
		"1 u %61%2c%20%c3%a9%25,b":         "user a, é%;user b",
		"1 u a+b":                          "user a+b",
		"1 a":                              "access",
		"1 *":                              "all",
		"":                                 "all",
		"1":                                "all",
		"1 ":                               "all",
		"1 s":                              "all",
		"1 s ":                             "all",
		"1 s " + hash1 + ",":               "all",
		"1 s " + hash1[1:]:                 "all",
		"1 s " + hash1 + "0":               "all",
		"1 s " + strings.Repeat("g", 32):   "all",
		"1 u":                              "all",
		"1 u ":                             "all",
		"1 u 1,,2":                         "all",
		"1 u %4":                           "all",
		"1 u %zz":                          "all",
		"1 a ":                             "all",
		"1 a 1":                            "all",
		"1 * 1":                            "all",
		"1 x 1":                            "all",
		"2 s " + hash1:                     "all",
		"11 a":                             "all",
		" 1 a":                             "all",
		"1 u " + strings.Repeat("1", 9000): "all",
	} {
		var c counter
		parsePayload(payload).tell(&c)
		if got := strings.Join(c.told, ";"); got != want {
			t.Errorf("%.50q: told %q, want %q", payload, got, want)
		}
	}
}

// FuzzPayload looks for a payload that is too much work, or that makes somebody forget nothing. What it forgets, it
// forgets again when it is told in the triggers' own form.
func FuzzPayload(f *testing.F) {
	for _, seed := range []string{"1 s " + hash1, "1 u 42,%c3%a9", "1 a", "1 *", "2 s", "1 u ,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		var c counter
		parsePayload(payload).tell(&c)
		if len(c.told) == 0 || len(c.told) > max(1, len(payload)) {
			t.Fatalf("%d calls for %d bytes", len(c.told), len(payload))
		}
		var again counter
		for _, told := range c.told {
			parsePayload(payloadOf(told)).tell(&again)
		}
		if strings.Join(c.told, ";") != strings.Join(again.told, ";") {
			t.Fatalf("%q, then %q", c.told, again.told)
		}
	})
}

// payloadOf writes what a trigger would.
func payloadOf(told string) string {
	kind, what, _ := strings.Cut(told, " ")
	switch kind {
	case "session":
		return "1 s " + what
	case "user":
		var b strings.Builder
		for i := range len(what) {
			fmt.Fprintf(&b, "%%%02x", what[i])
		}
		if b.Len() > maxPayload-4 {
			return "1 u " + what // an id of printable characters may be longer than a trigger would send
		}
		return "1 u " + b.String()
	case "access":
		return "1 a"
	}
	return "1 *"
}
