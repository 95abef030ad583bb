package setcookie_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"django-sidecar/internal/setcookie"
)

// TestLines: the lines are those of a Django 5.2 with the same settings.
func TestLines(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 5, 30, 0, 0, time.UTC)
	all := setcookie.Attributes{Path: "/shop", Domain: ".example.com", Secure: true, HTTPOnly: true, SameSite: "Lax"}
	for _, pair := range [][2]string{
		{all.Line("sessionid", "abc", setcookie.Seconds(1209600), now), "sessionid=abc; Domain=.example.com; expires=Sun, 13 Dec 2026 05:30:00 GMT; HttpOnly; Max-Age=1209600; Path=/shop; SameSite=Lax; Secure"},
		{setcookie.Attributes{Path: "/"}.Line("a", "b", setcookie.Age{}, now), "a=b; Path=/"},
		{setcookie.Attributes{}.Line("a", "b", setcookie.Seconds(-60), now), "a=b; expires=Sun, 29 Nov 2026 05:29:00 GMT; Max-Age=-60"},
		{setcookie.Attributes{}.Line("a", "b", setcookie.Seconds(0), now), "a=b; expires=Sun, 29 Nov 2026 05:30:00 GMT; Max-Age=0"},
		{setcookie.Attributes{}.Line("a", "b", setcookie.Seconds(251606261938), now), "a=b; expires=Thu, 30 Dec 9999 17:48:58 GMT; Max-Age=251606261938"},
		{all.Ended("sessionid"), `sessionid=""; Domain=.example.com; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/shop; SameSite=Lax`},
		{setcookie.Attributes{Path: "/"}.Ended("__Host-session"), `__Host-session=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; Secure`},
		{setcookie.Attributes{SameSite: "None"}.Ended("a"), `a=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; SameSite=None; Secure`},
	} {
		if got, want := pair[0], pair[1]; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestPut: the last line of a cookie is the only one.
func TestPut(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	for _, line := range []string{"a=1", "ab=2", "a=3; Path=/"} {
		setcookie.Put(h, line)
	}
	if got := h["Set-Cookie"]; !slices.Equal(got, []string{"ab=2", "a=3; Path=/"}) {
		t.Errorf("%q", got)
	}
}
