package djangosession_test

import (
	"strings"
	"testing"

	"django-sidecar/djangosession"
)

// hostileCookies are what a client may send to have a header cost more than it is long: n bytes of it.
var hostileCookies = map[string]func(n int) []string{
	"octal escapes":      func(n int) []string { return []string{`sessionid="` + strings.Repeat(`\134`, n/4) + `"`} },
	"quoted backslashes": func(n int) []string { return []string{`sessionid="` + strings.Repeat(`\\`, n/2) + `"`} },
	"lone backslashes":   func(n int) []string { return []string{`sessionid="` + strings.Repeat("\\\n", n/2) + `"`} },
	"not UTF-8":          func(n int) []string { return []string{`sessionid="` + strings.Repeat("\xf0\x9f\x98", n/3) + `"`} },
	"many of the name":   func(n int) []string { return []string{strings.Repeat(`sessionid="\134"; `, n/18)} },
	"semicolons":         func(n int) []string { return []string{strings.Repeat(";", n)} },
	"white space": func(n int) []string {
		return []string{strings.Repeat(" ", n) + "sessionid=\u3000" + strings.Repeat("\u3000", n/3)}
	},
	"lines": func(n int) []string { return strings.Split(strings.Repeat("sessionid=x\n", n/12), "\n") },
}

// TestCookiesCostWhatTheyWeigh: a header is read once. No part of it costs an allocation of its own.
func TestCookiesCostWhatTheyWeigh(t *testing.T) {
	for name, hostile := range hostileCookies {
		header := hostile(56 << 10)
		if n := testing.AllocsPerRun(10, func() { djangosession.SessionKey(header, "sessionid") }); n > 40 {
			t.Errorf("%s: 56 KiB cost %.0f allocations, want at most 40", name, n)
		}
	}
}

func BenchmarkHostileCookies(b *testing.B) {
	for name, hostile := range hostileCookies {
		for _, size := range []struct {
			name  string
			bytes int
		}{{"7KiB", 7 << 10}, {"56KiB", 56 << 10}} {
			b.Run(name+"/"+size.name, func(b *testing.B) {
				header := hostile(size.bytes)
				b.ReportAllocs()
				b.SetBytes(int64(size.bytes))
				for b.Loop() {
					djangosession.SessionKey(header, "sessionid")
				}
			})
		}
	}
}
