package messages

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"django-sidecar/djangosession"
	"django-sidecar/internal/pytext"
	"django-sidecar/signing"
)

// Options are what a Format needs to know of the deployment. Version and SecretKey are required.
type Options struct {
	// Version is the deployment's Django.
	Version djangosession.Version
	// SecretKey is SECRET_KEY, a signing.SecretKey.
	SecretKey signing.Keys
	// SecretKeyFallbacks is SECRET_KEY_FALLBACKS; ignored where Version is older than 4.1, as Django does.
	SecretKeyFallbacks []signing.Keys
	// HashingAlgorithm is DEFAULT_HASHING_ALGORITHM; ignored where Version is not 3.1 or 3.2.
	HashingAlgorithm signing.Algorithm
	// Storage is MESSAGE_STORAGE; the zero value is Django's default, FallbackStorage.
	Storage Kind
	// Level is MESSAGE_LEVEL: what is less serious is not added; 0 means Info, Django's default. At -1 all are added.
	Level Level
}

// Format is how a deployment's Django keeps messages.
type Format struct {
	options Options
	version djangosession.Version
	signer  *signing.TimestampSigner // nil to 3.0
	hash    *signing.SaltedHMAC      // of the form with "$"; nil from 4.0 on
}

// salt is key_salt of contrib/messages/storage/cookie.py, 1.11 to 6.1.
const salt = "django.contrib.messages"

// maxBytes bounds the list in a cookie, inflated.
const maxBytes = 1 << 20

// New derives the keys that o describes.
func New(o Options) (*Format, error) {
	if o.Version == (djangosession.Version{}) || o.SecretKey == nil {
		return nil, errors.New("messages need Django's version and SECRET_KEY")
	}
	o.Level = cmp.Or(o.Level, Info)
	f := &Format{options: o, version: o.Version}
	var signerErr, hashErr error
	if o.Version.AtLeast(3, 1) {
		var fallbacks []signing.Keys
		for _, keys := range o.SecretKeyFallbacks {
			fallbacks = append(fallbacks, signing.CookieKeys(keys))
		}
		s := o.Version.SignerOptions(signing.CookieKeys(o.SecretKey), fallbacks, o.HashingAlgorithm)
		s.Salt = salt
		f.signer, signerErr = signing.NewTimestampSigner(s)
	}
	if !o.Version.AtLeast(4, 0) { // contrib/messages/storage/cookie.py, 1.11, _hash; 3.2, _legacy_hash
		f.hash, hashErr = signing.SaltedHMACOf(o.SecretKey, signing.SHA1, salt)
	}
	if err := errors.Join(signerErr, hashErr); err != nil {
		return nil, fmt.Errorf("messages: %w", err)
	}
	return f, nil
}

// notFinished is the last item where more messages are elsewhere.
const notFinished = `"__messagesnotfinished__"`

// items are the messages of a list, each in JSON: MessageEncoder of contrib/messages/storage/cookie.py.
func (f *Format) items(list []Message, separator string) ([]string, error) {
	var items []string
	for _, m := range list {
		if !utf8.ValidString(m.Text) || !utf8.ValidString(m.ExtraTags) { // nor a surrogate that stands alone, which is not read again
			return nil, errors.New("a message is not UTF-8")
		}
		text, err := pytext.AppendJSONString(nil, m.Text)
		if err != nil {
			return nil, fmt.Errorf("a message: %w", err)
		}
		tags, err := pytext.AppendJSONString(nil, m.ExtraTags)
		if err != nil {
			return nil, fmt.Errorf("the tags of a message: %w", err)
		}
		safe := "0"
		if m.Safe {
			safe = "1"
		}
		parts := []string{`"` + messageKey + `"`, safe, strconv.Itoa(int(m.Level)), string(text)}
		if m.ExtraTags != "" || f.version.AtLeast(4, 1) { // to 4.0: if obj.extra_tags; from 4.1 on: is not None
			parts = append(parts, string(tags))
		}
		items = append(items, "["+strings.Join(parts, separator)+"]")
	}
	return items, nil
}

// cookie is the value of the cookie with a list of items.
func (f *Format) cookie(items []string, now time.Time) string {
	list := "[" + strings.Join(items, ",") + "]"
	switch {
	case f.version.AtLeast(3, 2):
		return f.signer.Dumps([]byte(list), true, now)
	case f.version.AtLeast(3, 1):
		return f.signer.Sign(list, now)
	}
	return hex.EncodeToString(f.hash.Sum(list)) + "$" + list
}

// readCookie reads the value of a cookie, as Django sees it in request.COOKIES: _decode and _get of
// contrib/messages/storage/cookie.py. all says that no more messages are elsewhere; ok is false for a value that nobody
// has signed, or that is no list of messages.
func (f *Format) readCookie(value string) (list []Message, all, ok bool) {
	for _, text := range f.verified(value) {
		if list, all, ok = parseList(text, f.version); ok {
			return list, all, true
		}
	}
	return nil, true, false
}

// verified are the texts that may be the list in a cookie whose signature is right, in Django's order.
func (f *Format) verified(value string) (texts []string) {
	if f.version.AtLeast(3, 2) {
		if data, _, err := f.signer.Loads(nil, value, maxBytes); err == nil {
			texts = append(texts, pytext.DecodeLatin1(string(data)))
		}
	}
	if f.version.AtLeast(3, 1) && !f.version.AtLeast(4, 1) { // the form of 3.1
		if text, _, err := f.signer.Unsign(value); err == nil {
			texts = append(texts, text)
		}
	}
	if hash, text, found := strings.Cut(value, "$"); found && f.hash != nil && f.hash.VerifyHex(text, hash) {
		texts = append(texts, text)
	}
	return texts
}

// session is the text under "_messages": serialize_messages of contrib/messages/storage/session.py.
func (f *Format) session(list []Message) (string, error) {
	separator := ","
	if f.version.AtLeast(3, 2) { // MessageEncoder() without separators
		separator = ", "
	}
	items, err := f.items(list, separator)
	return "[" + strings.Join(items, separator) + "]", err
}
