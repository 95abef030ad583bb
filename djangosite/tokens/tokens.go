package tokens

import (
	"cmp"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

// KeySalt is key_salt of PasswordResetTokenGenerator (contrib/auth/tokens.py, 1.11 to 6.1).
const KeySalt = "django.contrib.auth.tokens.PasswordResetTokenGenerator"

// DefaultTimeout is how old a token may be unless told otherwise: three days, as PASSWORD_RESET_TIMEOUT of
// conf/global_settings.py, 1.11 to 6.1.
const DefaultTimeout = 3 * day

const day = 24 * time.Hour

// Options are what a Generator needs to know of the deployment. Version, SecretKey and TimeZone are required.
type Options struct {
	// Version is the deployment's Django.
	Version djangosession.Version
	// SecretKey is SECRET_KEY, a signing.SecretKey.
	SecretKey signing.Keys
	// SecretKeyFallbacks is SECRET_KEY_FALLBACKS; ignored where Version is older than 4.1, as Django does.
	SecretKeyFallbacks []signing.Keys
	// HashingAlgorithm is DEFAULT_HASHING_ALGORITHM; ignored where Version is not 3.1 or 3.2.
	HashingAlgorithm signing.Algorithm
	// TimeZone is TIME_ZONE, whose clocks Django reads, also with USE_TZ = True.
	TimeZone *time.Location
	// Timeout is PASSWORD_RESET_TIMEOUT, in whole seconds, and PASSWORD_RESET_TIMEOUT_DAYS to Django 3.0, in whole
	// days; 0 means DefaultTimeout.
	Timeout time.Duration
	// KeySalt is key_salt of a subclass that changes nothing else; "" means KeySalt.
	KeySalt string
}

// Generator is Django's PasswordResetTokenGenerator. The zero Generator makes no token, and takes none.
type Generator struct {
	keys    []*signing.SaltedHMAC // the first one makes tokens
	zone    *time.Location
	timeout int64 // in units
	days    bool  // tokens are days old, and not seconds
	mixed   bool  // tokens of days are taken besides
	email   bool
}

// User is what a token is made of.
type User struct {
	// ID is the primary key as Django's str(pk) writes it. Without one there is no token.
	ID string
	// Password is the password column, Django's encoded hash.
	Password string
	// LastLogin is what the clock shows of last_login as Django reads it from the database: in UTC with USE_TZ, unless
	// DATABASES has a TIME_ZONE; its location is not looked at. The zero Time means that the user has never logged in.
	LastLogin time.Time
	// Email is the column of the model's EMAIL_FIELD, "" where there is none.
	Email string
}

// New derives the keys that o describes.
func New(o Options) (*Generator, error) {
	switch {
	case o.Version == (djangosession.Version{}) || o.SecretKey == nil || o.TimeZone == nil:
		return nil, errors.New("tokens need Django's version, SECRET_KEY and TIME_ZONE")
	case o.Timeout < 0:
		return nil, errors.New("tokens need a Timeout that is not negative")
	}
	g := &Generator{
		zone: o.TimeZone, days: !o.Version.AtLeast(3, 1), email: o.Version.AtLeast(3, 2),
		mixed: o.Version.AtLeast(3, 1) && !o.Version.AtLeast(4, 0),
	}
	unit := time.Second
	if g.days {
		unit = day
	}
	g.timeout = int64(cmp.Or(o.Timeout, DefaultTimeout) / unit)
	var errs []error
	add := func(keys signing.Keys, algorithm signing.Algorithm) {
		mac, err := signing.SaltedHMACOf(keys, algorithm, cmp.Or(o.KeySalt, KeySalt))
		errs, g.keys = append(errs, err), append(g.keys, mac)
	}
	// The same keys as those of signatures, but for the salt: contrib/auth/tokens.py, 3.0 (SHA-1), 3.2 (the setting,
	// and legacy=True), 4.0 (SHA-256) and 4.1 (secret_fallbacks).
	s := o.Version.SignerOptions(o.SecretKey, o.SecretKeyFallbacks, o.HashingAlgorithm)
	add(s.Secret, s.Algorithm)
	for _, fallback := range s.FallbackSecrets {
		add(fallback, s.Algorithm)
	}
	for _, algorithm := range s.AlsoAccept {
		add(s.Secret, algorithm)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	return g, nil
}

// Make is make_token: a token for the user at the time now. It is "" for a user without an ID, and before 2001.
func (g *Generator) Make(u User, now time.Time) string {
	timestamp := g.seconds(now)
	if g.days {
		timestamp /= int64(day / time.Second)
	}
	if len(g.keys) == 0 || u.ID == "" || timestamp < 0 {
		return ""
	}
	return g.token(g.keys[0], u, timestamp)
}

// Check is check_token: it reports whether the token was made for the user as the user is, and is not too old at the
// time now.
func (g *Generator) Check(u User, token string, now time.Time) bool {
	written, _, ok := strings.Cut(token, "-")
	const most = 13 // django/utils/http.py, 5.2, base36_to_int
	if !ok || u.ID == "" || len(written) > most {
		return false
	}
	timestamp, err := strconv.ParseInt(written, 36, 64)
	if err != nil || timestamp < 0 {
		return false
	}
	right := 0
	for _, key := range g.keys { // the whole token is compared, so that its timestamp can be written in one way alone
		right |= subtle.ConstantTimeCompare([]byte(g.token(key, u, timestamp)), []byte(token))
	}
	return right == 1 && g.age(timestamp, written, now) <= g.timeout
}

// age is how old a token is, in days or seconds. One of the future is not too old, as in Django.
func (g *Generator) age(timestamp int64, written string, now time.Time) int64 {
	const secondsOfDay = int64(day / time.Second)
	seconds := g.seconds(now)
	switch {
	case g.days:
		return seconds/secondsOfDay - timestamp
	case g.mixed && len(written) < 4:
		// contrib/auth/tokens.py, 3.2: pre-Django 3.1 tokens are as old as if it were midnight
		return seconds - seconds%secondsOfDay - timestamp*secondsOfDay
	}
	return seconds - timestamp
}

// seconds is _num_seconds(_now()) of contrib/auth/tokens.py, 5.2: how many seconds the clocks are past 2001.
func (g *Generator) seconds(now time.Time) int64 {
	if g.zone == nil {
		return -1
	}
	_, offset := now.In(g.zone).Zone()
	return now.Unix() + int64(offset) - time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
}

// token is _make_token_with_timestamp of contrib/auth/tokens.py, 5.2: hexdigest()[::2].
func (g *Generator) token(key *signing.SaltedHMAC, u User, timestamp int64) string {
	digits := hex.EncodeToString(key.Sum(g.hashValue(u, timestamp)))
	half := make([]byte, 0, len(digits)/2)
	for i := 0; i < len(digits); i += 2 {
		half = append(half, digits[i])
	}
	return strconv.FormatInt(timestamp, 36) + "-" + string(half)
}

// hashValue is _make_hash_value of contrib/auth/tokens.py, 5.2: str() of a datetime without microseconds.
func (g *Generator) hashValue(u User, timestamp int64) string {
	login := ""
	if !u.LastLogin.IsZero() {
		login = u.LastLogin.Format(time.DateTime)
	}
	value := u.ID + u.Password + login + strconv.FormatInt(timestamp, 10)
	if g.email {
		value += u.Email
	}
	return value
}
