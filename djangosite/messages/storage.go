package messages

import (
	"errors"
	"slices"
	"sort"
	"strings"
	"time"
)

// Kind is a storage of Django, MESSAGE_STORAGE.
type Kind uint8

// The storages of django.contrib.messages. The zero Kind is Django's default.
const (
	// FallbackStorage keeps messages in the cookie, and those that do not fit in the session.
	FallbackStorage Kind = iota
	// CookieStorage keeps them in the cookie, and drops the oldest that do not fit.
	CookieStorage
	// SessionStorage keeps them in the session.
	SessionStorage
)

const (
	// CookieName is the name of the cookie: contrib/messages/storage/cookie.py, 1.11 to 6.1.
	CookieName = "messages"
	// SessionEntry is the entry of the session: contrib/messages/storage/session.py, 1.11 to 6.1.
	SessionEntry = "_messages"

	// maxCookieBytes is max_cookie_size: what the quoted value of the cookie may have.
	maxCookieBytes = 2048
)

// errEntry says that the session has something else where messages are.
var errEntry = errors.New("the entry " + SessionEntry + " of the session is no list of messages")

// A Storage is the messages of one request: BaseStorage of contrib/messages/storage/base.py, 5.2. It is not for
// concurrent use.
type Storage struct {
	format   *Format
	value    string                                      // of the request's cookie
	entry    func() (text string, there bool, err error) // of its session
	loaded   []Message
	isLoaded bool
	queued   []Message
	used     bool
	added    bool

	usedCookie, usedSession bool // FallbackStorage: where messages were found
	there                   bool // the session has the entry
}

// Changes are what a Storage has to write.
type Changes struct {
	// Cookie is the cookie's value as a Set-Cookie line has it, in quotes where need be; "" ends the cookie, and nil
	// leaves it.
	Cookie *string
	// Session is the text of SessionEntry; "" deletes the entry, and nil leaves it.
	Session *string
	// Unstored are messages for which there was no room: CookieStorage alone has some.
	Unstored []Message
}

// Storage returns the messages of a request. cookie is the value of its cookie CookieName as Django sees it, which
// djangosession.SessionKey returns, "" for none. entry reads the text of SessionEntry from its session; there is false
// where it has none. It is asked once at most, and only where the messages may be there.
func (f *Format) Storage(cookie string, entry func() (text string, there bool, err error)) *Storage {
	return &Storage{format: f, value: cookie, entry: entry}
}

// Add adds a message to be shown on the next page, or on this one if All is called later. Nothing is added without a
// text, or below MESSAGE_LEVEL.
func (s *Storage) Add(m Message) {
	if m.Text == "" || m.Level < s.format.options.Level {
		return
	}
	s.added = true
	s.queued = append(s.queued, m)
}

// All returns the messages, to be shown now. Update forgets them.
func (s *Storage) All() ([]Message, error) {
	if err := s.load(); err != nil {
		return nil, err
	}
	s.used = true
	s.loaded, s.queued = append(s.loaded, s.queued...), nil
	return slices.Clone(s.loaded), nil
}

// Update returns what has to be written: the messages that were added since All, or all of them where it was not
// called. Call it once, before the answer's header is written.
func (s *Storage) Update(now time.Time) (Changes, error) {
	switch {
	case s.used:
		return s.store(s.queued, now)
	case s.added:
		if err := s.load(); err != nil {
			return Changes{}, err
		}
		return s.store(append(slices.Clone(s.loaded), s.queued...), now)
	}
	return Changes{}, nil
}

// load is _get of each storage.
func (s *Storage) load() error {
	if s.isLoaded {
		return nil
	}
	kind := s.format.options.Storage
	if kind != SessionStorage && s.value != "" {
		list, all, ok := s.format.readCookie(s.value)
		s.loaded, s.usedCookie = list, len(list) > 0
		s.used = s.used || !ok && kind == CookieStorage
		if all || kind == CookieStorage {
			s.isLoaded = true
			return nil
		}
	}
	if kind == SessionStorage || kind == FallbackStorage && s.value != "" {
		list, err := s.inSession()
		if err != nil {
			return err
		}
		s.loaded, s.usedSession = append(s.loaded, list...), len(list) > 0
	}
	s.isLoaded = true
	return nil
}

// inSession are the messages in the session.
func (s *Storage) inSession() ([]Message, error) {
	text, there, err := s.entry()
	if s.there = there; err != nil || !there || text == "" {
		return nil, err
	}
	list, _, ok := parseList(text, s.format.version)
	if !ok {
		return nil, errEntry
	}
	return list, nil
}

// store is _store of each storage.
func (s *Storage) store(list []Message, now time.Time) (c Changes, err error) {
	switch s.format.options.Storage {
	case CookieStorage:
		c.Cookie, c.Unstored, err = s.storeCookie(list, false, now)
		return c, err
	case SessionStorage:
		c.Session, err = s.storeSession(list)
		return c, err
	case FallbackStorage:
	}
	if len(list) > 0 {
		c.Cookie, list, err = s.storeCookie(list, true, now)
	} else if s.usedCookie {
		c.Cookie = new(string)
	}
	if err == nil && (len(list) > 0 || s.usedSession) {
		c.Session, err = s.storeSession(list)
	}
	return c, err
}

// storeSession is _store of contrib/messages/storage/session.py.
func (s *Storage) storeSession(list []Message) (*string, error) {
	if len(list) == 0 && !s.there {
		return nil, nil //nolint:nilnil // nothing is to be written
	}
	if len(list) == 0 {
		return new(string), nil
	}
	text, err := s.format.session(list)
	return &text, err
}

// storeCookie is _store of contrib/messages/storage/cookie.py, 5.2, with its search for how many messages fit. Where
// not all do, the oldest are kept, or the newest.
func (s *Storage) storeCookie(
	list []Message, oldest bool, now time.Time,
) (value *string, unstored []Message, err error) {
	if len(list) == 0 {
		return new(string), nil, nil
	}
	items, err := s.format.items(list, ",")
	if err != nil {
		return nil, nil, err
	}
	quoted := quote(s.format.cookie(items, now))
	if len(quoted) <= maxCookieBytes {
		return &quoted, nil, nil
	}
	with := func(kept []string) string {
		return quote(s.format.cookie(append(slices.Clone(kept), notFinished), now))
	}
	if oldest {
		n := sort.Search(len(items), func(i int) bool { return len(with(items[:i+1])) > maxCookieBytes })
		quoted = with(items[:n])
		return &quoted, list[n:], nil
	}
	n := sort.Search(len(items), func(i int) bool { return len(with(items[i:])) <= maxCookieBytes })
	quoted = with(items[n:])
	return &quoted, list[:n], nil
}

// quote is _quote of http/cookies.py, CPython 3.13, for a text in ASCII.
func quote(text string) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	const legal, unescaped = letters + "!#$%&'*+-.^_`|~:", " ()/<=>?@[]{}"
	if strings.Trim(text, legal) == "" {
		return text
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(rune(c)))
		case strings.IndexByte(legal, c) >= 0 || strings.IndexByte(unescaped, c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteString(`\` + string(rune('0'+c>>6)) + string(rune('0'+c>>3&7)) + string(rune('0'+c&7)))
		}
	}
	b.WriteByte('"')
	return b.String()
}
