package demo

import (
	"embed"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"django-sidecar/djangosession"
)

// What the page consists of. Nothing of it is made by a tool, and what is not ours is in vendor.
//
//go:embed page/*.html page/*.css page/*.js page/*.svg page/vendor/*.js page/vendor/*.txt
var pageFiles embed.FS

// The paths that are the page's own, beside "/".
const (
	pagePrefix  = "/demo/"
	sessionPath = pagePrefix + "session"
)

// pageMaxBody bounds the form that picks a session.
const pageMaxBody = 1 << 10

// PageOptions are what the page needs. All are required.
type PageOptions struct {
	// Visits are those that can be picked: all but those with several cookies, which no browser would send.
	Visits []Example
	// CookieName and CookieAge are SESSION_COOKIE_NAME and SESSION_COOKIE_AGE.
	CookieName string
	CookieAge  time.Duration
	// MediaRoot, MediaURL and MaxBytes are where uploads go, by which URLs, and how large they may be: to be shown.
	MediaRoot, MediaURL string
	MaxBytes            int64
	// Now is the clock.
	Now func() time.Time
	// Next answers all that is not the page's.
	Next http.Handler
}

// page is the handler.
type page struct {
	PageOptions
	index string                // with placeholders: see show
	files map[string]staticFile // by their paths
}

// staticFile is one that the page loads.
type staticFile struct {
	contentType string
	content     []byte
}

// Page returns a handler that serves the demo's page at / and below /demo/, and leaves the rest to o.Next. Whoever
// reaches it may be any of the demo's users: it is for a demo alone.
func Page(o PageOptions) http.Handler {
	p := &page{PageOptions: o, files: map[string]staticFile{}}
	for name, content := range pageContents() {
		if name == "index.html" {
			p.index = string(content)
			continue
		}
		p.files[pagePrefix+name] = staticFile{contentType(name), content}
	}
	return p
}

// pageContents are the embedded files, by their paths below page.
func pageContents() map[string][]byte {
	contents := map[string][]byte{}
	err := fs.WalkDir(pageFiles, "page", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		contents[strings.TrimPrefix(path, "page/")], err = pageFiles.ReadFile(path)
		return err
	})
	if err != nil {
		panic("demo: what is embedded cannot be read: " + err.Error()) // the build has lost them, which any test meets
	}
	return contents
}

// contentType does not ask package mime, which takes the machine's word for some of these.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "application/octet-stream"
}

// ServeHTTP implements http.Handler. Paths are compared as they are: what is cleaned here would reach Next otherwise
// than under serve.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" && !strings.HasPrefix(r.URL.Path, pagePrefix) {
		p.Next.ServeHTTP(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors "+
		"'none'; object-src 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	f, isFile := p.files[r.URL.Path]
	switch {
	case r.URL.Path == sessionPath:
		if allow(w, r, http.MethodPost) {
			p.pick(w, r)
		}
	case r.URL.Path == "/":
		if allow(w, r, http.MethodGet, http.MethodHead) {
			p.show(w, r)
		}
	case isFile:
		if allow(w, r, http.MethodGet, http.MethodHead) {
			send(w, r, f)
		}
	default:
		http.Error(w, "There is no such page.", http.StatusNotFound)
	}
}

// allow answers 405 to other methods.
func allow(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	if slices.Contains(methods, r.Method) {
		return true
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	http.Error(w, "This method is not for this page.", http.StatusMethodNotAllowed)
	return false
}

func send(w http.ResponseWriter, r *http.Request, f staticFile) {
	w.Header().Set("Content-Type", f.contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(f.content)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(f.content) // it fails where the client is gone
	}
}

// show sends the page. html/template is not used: with it, the linker keeps every exported method of the whole
// program, which is ten megabytes.
func (p *page) show(w http.ResponseWriter, r *http.Request) {
	current := djangosession.SessionKey(r.Header["Cookie"], p.CookieName)
	var choices strings.Builder
	for i, v := range p.Visits {
		if key, ok := p.key(v); ok {
			choices.WriteString(choice(i, v, key == current))
		}
	}
	text := strings.NewReplacer(
		"{{choices}}", choices.String(), "{{cookie}}", html.EscapeString(p.CookieName),
		"{{max bytes}}", strconv.FormatInt(p.MaxBytes, 10),
		"{{media url}}", html.EscapeString(p.MediaURL), "{{media root}}", html.EscapeString(p.MediaRoot),
	).Replace(p.index)
	send(w, r, staticFile{"text/html; charset=utf-8", []byte(text)})
}

// choice is a visit as the page offers it. The session's key is not in it.
func choice(i int, v Example, picked bool) string {
	checked, tag := "", string(v.Reason)
	if picked {
		checked = " checked"
	}
	if v.Alive {
		tag = "alive"
	}
	return fmt.Sprintf(`
<label class="choice">
<input type="radio" name="visit" value="%d" autocomplete="off"%s>
<span class="choice-title">%s</span>
<code class="choice-tag" data-alive="%t">%s</code>
</label>`, i, checked, html.EscapeString(v.Title), v.Alive, html.EscapeString(tag))
}

// key is the session key of a visit, "" for the visit without one; false where a browser cannot make the visit.
func (p *page) key(v Example) (key string, ok bool) {
	if v.Cookie == "" {
		return "", true
	}
	key, ok = strings.CutPrefix(v.Cookie, p.CookieName+"=")
	return key, ok && !strings.Contains(key, ";")
}

// pick sets the session cookie as Django does at a login, or takes it away as at a logout.
func (p *page) pick(w http.ResponseWriter, r *http.Request) {
	if err := new(http.CrossOriginProtection).Check(r); err != nil {
		http.Error(w, "Only the page itself picks a session.", http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, pageMaxBody)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "This is not the page's form.", http.StatusBadRequest)
		return
	}
	i, err := strconv.Atoi(r.PostForm.Get("visit"))
	if err != nil || i < 0 || i >= len(p.Visits) {
		http.Error(w, "There is no such session.", http.StatusNotFound)
		return
	}
	key, ok := p.key(p.Visits[i])
	if !ok {
		http.Error(w, "There is no such session.", http.StatusNotFound)
		return
	}
	http.SetCookie(w, p.cookie(key))
	w.WriteHeader(http.StatusNoContent)
}

// cookie is what Django sets: django/contrib/sessions/middleware.py, 5.2, process_response, with the default settings.
func (p *page) cookie(key string) *http.Cookie {
	c := &http.Cookie{ //nolint:gosec // SESSION_COOKIE_SECURE is False by default, and the demo speaks HTTP
		Name: p.CookieName, Value: key, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Expires: p.Now().Add(p.CookieAge), MaxAge: int(p.CookieAge / time.Second),
	}
	if key == "" { // django/http/response.py, 5.2, delete_cookie
		c.Expires, c.MaxAge = time.Unix(0, 0), -1
	}
	return c
}
