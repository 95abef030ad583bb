//go:build live

package e2e

import (
	"math/rand/v2"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
)

// TestSeveralCookieLines asks for requests with several Cookie header lines, which HTTP/1 forbids to browsers and leaves to
// servers, and HTTP/2 allows. Django under WSGI, Django under ASGI and the sidecar see the same bytes.
func TestSeveralCookieLines(t *testing.T) {
	seed := djangotest.Seed(t)
	for _, version := range []string{"1.11", "3.0", "5.2", "6.0", "6.1"} {
		t.Run("Django "+version, func(t *testing.T) {
			django := profile{django: version, sqlite: true}.deploy(t)
			user := django.Users(20, 1)[0]
			requests := cookieLines(django.Login(user.ID), seed)
			t.Run("WSGI", func(t *testing.T) { compareLines(t, requests, django.AskLines(requests)) })
			if version != "1.11" { // which has no ASGI
				t.Setenv("DJANGO_ASGI", "true")
				t.Run("ASGI", func(t *testing.T) { compareLines(t, requests, django.AskASGI(requests)) })
			}
		})
	}
}

func compareLines(t *testing.T, requests [][][]byte, want []djangotest.GetUserResult) {
	t.Helper()
	sidecar := startSidecar(t)
	yes := 0
	for i, request := range requests {
		got, status := sidecar.ask(t, request...)
		if text(got) != text(want[i].User) || status >= 500 {
			t.Errorf("%q: sidecar says %s (status %d), Django says %s", request, text(got), status, text(want[i].User))
		}
		if got != nil {
			yes++
		}
	}
	t.Logf("%d of %d requests have a user", yes, len(requests))
	if yes < len(requests)/20 || yes > len(requests)*19/20 {
		t.Errorf("%d of %d requests have a user: too few of one kind", yes, len(requests))
	}
}

// cookieLines are the Cookie lines of requests around a session's key: some that matter, and many at random.
func cookieLines(key string, seed uint64) (requests [][][]byte) {
	good, bad := "sessionid="+key, "sessionid=00000000000000000000000000000000"
	for _, lines := range [][]string{
		{good},
		{good, good},
		{good, bad},
		{bad, good},
		{"a=1", good},
		{good, "a=1"},
		{"a=1;", good},
		{good + ";", "a=1"},
		{"a=1; " + good + "; b=2", "c=3"},
		{"a=1", "b=2; " + good},
		{"a=1", "b=2; " + good, bad + "; c=3"},
		{"", good},
		{good, ""},
		{good + "; x=1", bad + "; y=2"},
		{"sessionid=", key},
		{"sessionid", "=" + key},
		{"session", "id=" + key},
		{"a=1", "b=2", good},
		{good + " ; ; ", "a=1"},
		{`a="1`, good + `"`},
		{`sessionid="` + key, `"`},
		{`sessionid="` + key + `;`, `"`},
		{good + ",a=1"},
	} {
		requests = append(requests, asLines(lines))
	}
	random := rand.New(rand.NewPCG(seed, 1))
	pick := func(texts ...string) string { return texts[random.IntN(len(texts))] }
	// Not at the ends of a line: Django's own server, and it alone, strips some of these there.
	space := func() string {
		return pick("", "", "", "", "", "", " ", "\t", "\xa0", "\x85", "\xc2\xa0", "\xc2\x85", "\xe3\x80\x80")
	}
	for range 400 {
		lines := make([]string, 1+random.IntN(3))
		for i := range lines {
			lines[i] = pick("", "", "; ", ";")
			for range 1 + random.IntN(3) {
				name := pick("sessionid", "sessionid", "a", "b", "c", "", "SESSIONID", "$Path", "\xe9", "é")
				value := pick(key, key, key, key, key, `"`+key+`"`, bad, "", "1", `"`, "\xff", key[:4]+"é", `"\`+key+`"`, "1,"+good)
				lines[i] += name + space() + pick("=", "=", "=", "=", "=", "=", "=", "", "==") + space() + value +
					pick("; ", "; ", "; ", ";", ";; ", ",", space()+";"+space()+"d=1;", ";"+space()+";", ",")
			}
			if random.IntN(2) == 0 {
				lines[i] = strings.TrimRight(lines[i], "; ")
			}
		}
		requests = append(requests, asLines(lines))
	}
	return requests
}

func asLines(lines []string) (request [][]byte) {
	for _, line := range lines {
		request = append(request, []byte(line))
	}
	return request
}
