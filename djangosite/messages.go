package djangosite

import (
	"errors"
	"fmt"
	"net/http"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite/messages"
	"django-sidecar/internal/reply"
	"django-sidecar/internal/setcookie"
)

// Messages are the messages of one request: what the page before, of Django or of this service, has to say on this
// one, and what this one has to say on the next. It is for one goroutine at a time.
type Messages struct {
	*messages.Storage

	site *Site
	l    local
	key  string // of the session
	r    *http.Request
}

// Messages returns the messages of a request, by MESSAGE_STORAGE and MESSAGE_LEVEL. Take it once a request: add
// messages, show what All returns, and call [Messages.Save] before the answer's header is written.
//
// The error says what the settings lack: it needs SECRET_KEY, and one of Django's three storages.
func (s *Site) Messages(r *http.Request) (*Messages, error) {
	l, err := s.local()
	if err != nil {
		return nil, err
	}
	format, err := l.Messages()
	if err != nil {
		return nil, err
	}
	m := &Messages{site: s, l: l, key: s.sessionKey(l, nil, r), r: r}
	m.Storage = format.Storage(l.Answers.Cookies.SessionKey(r.Header["Cookie"], messages.CookieName), m.entry)
	return m, nil
}

var errNoText = errors.New("the entry " + messages.SessionEntry + " of the session is no text")

// entry is the text of the session's entry.
func (m *Messages) entry() (text string, there bool, err error) {
	session, err := m.l.Session(m.r.Context(), m.key)
	if err != nil {
		return "", false, err
	}
	value := session.Lookup(messages.SessionEntry)
	if value.Kind() == djangosession.Missing || value.Kind() == djangosession.Null {
		return "", false, nil
	}
	text, ok := value.Text()
	if !ok {
		return "", false, errNoText
	}
	return text, true, nil
}

// Save writes what MessageMiddleware would: the cookie, and where messages are in the session, the session by
// [Site.Update]. A login before it counts: its session is the one. Where Save fails, nothing is written.
func (m *Messages) Save(w http.ResponseWriter) error {
	m.key = m.site.sessionKey(m.l, w.Header(), m.r)
	c, err := m.Update(now())
	if err != nil {
		return err
	}
	if c.Session != nil {
		err := m.site.Update(w, m.r, func(s *djangosession.Session) error {
			if *c.Session == "" {
				return s.Delete(messages.SessionEntry)
			}
			return s.Set(messages.SessionEntry, *c.Session)
		})
		if err != nil {
			return fmt.Errorf("messages in the session: %w", err)
		}
	}
	if c.Cookie == nil {
		return nil
	}
	// contrib/messages/storage/cookie.py, 5.2, _update_cookie: the attributes of the session's cookie, but for its path
	attributes := m.l.Config.SessionCookie.Attributes
	attributes.Path = "/"
	line := attributes.Line(messages.CookieName, *c.Cookie, setcookie.Age{}, now())
	if *c.Cookie == "" {
		line = attributes.Ended(messages.CookieName)
	}
	m.site.visitOf(m.r).sets(m.r, "Messages.Save")
	setcookie.Put(w.Header(), line)
	reply.VariesByCookie(w.Header())
	return nil
}
