//go:build live && gateways

package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// forged is in each value that a client must not be able to pass on.
const forged = "forged-admin"

// spellings are the ways to write a header's name that some server takes for it.
func spellings(name string) []string {
	words := strings.Split(name, "-")
	list := []string{name, strings.ToLower(name), strings.ToUpper(name)}
	for _, separator := range []string{"_", ".", "~", "!", "+", "'", "|", "^", "*", "%", "&", "#", "$", "`", " ", "\t", "/", "\x00"} {
		list = append(list, strings.Join(words, separator), strings.ToLower(strings.Join(words, separator)))
	}
	if len(words) > 2 {
		list = append(list, words[0]+"_"+words[1]+"-"+words[2], words[0]+"-"+words[1]+"_"+words[2], words[0]+"."+words[1]+"_"+words[2])
	}
	return append(list, name+" ", " "+name, name+"\t", "HTTP_"+strings.ReplaceAll(name, "-", "_"), name+"_", "_"+name)
}

// forgedHeaders are whole header sections, each of which says something about the user or the request that only the
// gateway may say.
func forgedHeaders() []string {
	var list []string
	names := []string{
		"Remote-User", "Remote-User-Id", "Remote-Email", "Remote-Groups", "Remote-Name",
		"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Uri",
		"X-Forwarded-Method", "X-Forwarded-Server", "X-Forwarded-User", "X-Forwarded-Ssl", "Forwarded", "X-Original-URL", "X-Original-Method",
		"X-Real-IP", "X-Rewrite-URL",
	}
	for _, name := range names {
		for _, s := range spellings(name) {
			list = append(list, s+": "+forged+"\r\n")
		}
		list = append(list,
			name+": "+forged+"\r\n"+name+": "+forged+"\r\n",
			name+":\r\n"+name+": "+forged+"\r\n",
			name+": "+forged+"\r\n"+name+":\r\n",
			name+":"+forged+"\r\n"+strings.ReplaceAll(name, "-", "_")+": "+forged+"\r\n",
			name+": "+forged+"\r\n\t"+forged+"\r\n", // a folded line
			name+": "+forged+"\n",                   // a bare LF
			"X: y\n"+name+": "+forged+"\r\n",
			"X: y\r"+name+": "+forged+"\r\n",
		)
	}
	return list
}

// connectionHeaders are header sections that ask the next hop to drop what the gateway says.
func connectionHeaders() []string {
	var list []string
	for _, value := range []string{
		"Remote-User", "remote-user, remote-user-id, remote-email, remote-groups", "close, Remote-User", "keep-alive, Remote-User, Remote-Groups",
		"Remote_User", "X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto", "Cookie", "Host", "Content-Length", "",
		"Upgrade, Remote-User", "Transfer-Encoding",
	} {
		list = append(list, "Connection: "+value+"\r\n", "connection: keep-alive\r\nConnection: "+value+"\r\n",
			"Proxy-Connection: "+value+"\r\n", "Keep-Alive: Remote-User\r\nConnection: "+value+"\r\n", "TE: trailers\r\nConnection: TE, "+value+"\r\n")
	}
	return list
}

// oddName matches names that some gateways pass on and no server folds into another: HTTP_X~FORWARDED~FOR. In the names of
// the identity itself they are not forgiven; see gatewayRequest.identity.
var oddName = regexp.MustCompile("[^A-Z0-9_.]")

// forgeries: whatever the headers say, the application sees the user of the session, or the request ends before it.
func (g gatewayTest) forgeries(t *testing.T) {
	sent, arrived, refused := 0, 0, 0
	try := func(request string, want map[string]string) {
		t.Helper()
		if sent++; t.Failed() {
			return // one kind of forgery has many cousins
		}
		answer := g.do(t, request)
		shown := answer.reached(t)
		if shown == nil {
			refused++
			if answer.err == nil && answer.status/100 != 4 && answer.status/100 != 3 {
				t.Errorf("%.300q: status %d", request, answer.status)
			}
			return
		}
		arrived++
		if got := shown.identity(); !sameIdentity(got, want) {
			t.Errorf("%.300q: the application sees %v, want %v", request, got, want)
		}
		for name, value := range shown.Meta {
			// HTTP_X is the header before a bare CR or LF. A value may have anything in it.
			if strings.Contains(value, forged) && name != "HTTP_X" && !oddName.MatchString(name) {
				t.Errorf("%.300q: the application sees %s: %s", request, name, value)
			}
		}
		if shown.Host != "example.com" || shown.Secure {
			t.Errorf("%.300q: the application takes itself for %s, secure %v", request, shown.Host, shown.Secure)
		}
	}
	ada, bob := gatewayCookie(g.rig.ada), gatewayCookie(g.rig.bob)
	for _, headers := range forgedHeaders() {
		try(get("/page", headers+bob), gatewayBob)           // a session of one with the header of another
		try(get("/page", bob+headers), gatewayBob)           // after it
		try(get("/accounts/login/", headers), gatewayNobody) // where nobody is asked
		try(get("/page", headers), nil)                      // without a session
		try(requestOf("POST", "/page", bob+headers+"Content-Length: 0\r\n"), gatewayBob)
	}
	for _, headers := range connectionHeaders() {
		try(get("/page", ada+headers), gatewayAda)
		try(get("/page", bob+"Remote-User: "+forged+"\r\n"+headers), gatewayBob)
		try(get("/accounts/login/", "Remote-User: "+forged+"\r\n"+headers), gatewayNobody)
		try(get("/page", "Remote-User: "+forged+"\r\n"+headers), nil)
	}
	t.Logf("%d sent, %d at the application, %d refused", sent, arrived, refused)
	if arrived < sent/4 {
		t.Errorf("only %d of %d requests have reached the application: too little has been tried", arrived, sent)
	}
	// Two sessions at once are one of them, and nobody's header.
	for _, headers := range []string{ada + bob, bob + ada, "Cookie: sessionid=" + g.rig.ada + "; sessionid=" + g.rig.bob + "\r\n"} {
		shown := g.do(t, get("/page", headers+"Remote-User: "+forged+"\r\n")).reached(t)
		if shown != nil && !sameIdentity(shown.identity(), gatewayAda) && !sameIdentity(shown.identity(), gatewayBob) {
			t.Errorf("two sessions: the application sees %v", shown.identity())
		}
	}
}

// sameIdentity compares whole identities: half of one is as wrong as a forged one. A nil want is nobody who may pass.
func sameIdentity(got, want map[string]string) bool {
	if want == nil || len(got) != len(want) {
		return false
	}
	for name, value := range want {
		if got[name] != value {
			return false
		}
	}
	return true
}

// trailers: what comes after a body is no header.
func (g gatewayTest) trailers(t *testing.T) {
	const chunked = "Transfer-Encoding: chunked\r\nTE: trailers\r\nConnection: TE\r\n"
	for _, name := range []string{"Remote-User", "remote_user", "Remote.Groups", "X-Forwarded-Host", "Cookie", "Content-Length", "Connection", "Host"} {
		for _, declared := range []string{"", "Trailer: " + name + "\r\n"} {
			trailer := "3\r\nabc\r\n0\r\n" + name + ": " + forged + "\r\n\r\n"
			answer := g.do(t, requestOf("POST", "/page", gatewayCookie(g.rig.bob)+declared+chunked)+trailer)
			shown := answer.reached(t)
			if shown == nil {
				if answer.status/100 != 4 {
					t.Errorf("%s: status %d %v", name, answer.status, answer.err)
				}
				continue
			}
			if !sameIdentity(shown.identity(), gatewayBob) || strings.Contains(strings.ToLower(answer.body), forged+`",`) {
				t.Errorf("%s: the application sees %s", name, answer.body)
			}
			if len(shown.Trailers) > 0 {
				t.Logf("%s: passed on as a trailer, which WSGI does not show: %q", name, shown.Trailers)
			}
			g.wantRefused(t, requestOf("POST", "/page", declared+chunked)+trailer, http.StatusUnauthorized)
		}
	}
	// A trailer's cookie is nobody's session.
	g.wantRefused(t, requestOf("POST", "/page", chunked)+"0\r\n"+gatewayCookie(g.rig.ada)+"\r\n", http.StatusUnauthorized)
}
