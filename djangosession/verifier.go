package djangosession

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"django-sidecar/signing"
)

// VerifierConfig is what a Verifier needs to know of the deployment.
type VerifierConfig struct {
	// Version is the deployment's Django; required.
	Version Version
	// SecretKey is SECRET_KEY; required.
	SecretKey string
	// SecretKeyFallbacks is SECRET_KEY_FALLBACKS; ignored where Version is older than 4.1.8, as Django does.
	SecretKeyFallbacks []string
	// HashingAlgorithm is DEFAULT_HASHING_ALGORITHM; ignored where Version is not 3.1 or 3.2.
	HashingAlgorithm signing.Algorithm
	// AuthenticationBackends is AUTHENTICATION_BACKENDS: a login through any other backend counts for nothing.
	// An empty list lets nobody in.
	AuthenticationBackends []string
	// BackendRules are the rules of backends of the project's own. Each counts before what KnownBackend says. Of a backend with
	// neither, the users are taken for those of ModelBackend, and the permissions for none.
	BackendRules map[string]BackendRule
	// RequireActive refuses users whose is_active is false or NULL, also where their backend does not.
	RequireActive bool
	// Middleware is MIDDLEWARE, nil where it is not known. A session in which somebody may act as another user is nobody's: see
	// Impersonation and RemoteUserLogout.
	Middleware []string
	// Timeouts are what those of Middleware are told that end logins.
	Timeouts Timeouts
	// OwnAuthHash is for a user model that overrides get_session_auth_hash; nil is Django's own.
	OwnAuthHash *OwnAuthHash
	// InsecureSkipUserCheck judges the session alone: users who were deactivated, deleted or have changed their
	// password stay logged in, and nothing but their id is known. The UserStore may be nil then.
	InsecureSkipUserCheck bool
}

// Verifier gives Django's verdict on session keys.
type Verifier struct {
	config VerifierConfig
	hashes authHashes
	store  Store
	users  UserStore

	backends      []listedBackend
	impersonating uint8 // what a session must not have of impersonationEntry's bits
	timeouts      []timeout
}

// NewVerifier returns a Verifier that asks store for sessions and users for users.
func NewVerifier(c VerifierConfig, store Store, users UserStore) (*Verifier, error) {
	if c.Version == (Version{}) || c.SecretKey == "" {
		return nil, errors.New("a verifier needs Django's version and SECRET_KEY")
	}
	if c.Version.fallbackAuthHashes() && slices.Contains(c.SecretKeyFallbacks, "") {
		return nil, errors.New("a fallback secret is empty") // anybody could make hashes with it
	}
	if store == nil || users == nil && !c.InsecureSkipUserCheck {
		return nil, errors.New("a verifier needs a session store and a user store")
	}
	timeouts, err := c.timeouts()
	if err != nil {
		return nil, err
	}
	v := &Verifier{
		timeouts: timeouts,
		config:   c, hashes: newAuthHashes(c), store: store, users: users,
		backends: c.listed(), impersonating: impersonating(c.Middleware),
	}
	v.config.SecretKey, v.config.SecretKeyFallbacks = "", nil // the derived keys are all that is needed
	return v, nil
}

// With returns a Verifier with v's keys and rules on other stores.
func (v *Verifier) With(store Store, users UserStore) *Verifier {
	other := *v
	other.store, other.users = store, users
	return &other
}

// Verify tells who is logged in with a session key, the value of the session cookie ("" when there is none).
// It follows SessionMiddleware and get_user of contrib/auth/__init__.py, 5.2, line by line; where Django would
// fail with an exception, nobody is logged in.
//
// An error says that a store failed and that nothing is known: it is neither a yes nor a no.
func (v *Verifier) Verify(ctx context.Context, sessionKey string) (Verdict, error) {
	return v.VerifyKnowing(ctx, sessionKey, nil)
}

// VerifyKnowing is Verify for those who remember users. Before the user store is asked, known is; nil asks nobody.
// It is asked at most once, for a session that says through a backend of AUTHENTICATION_BACKENDS who has logged in, and returns
// the user of an earlier Verdict that it was asked about with an equal Login, or nil for one that it does not know. As old as
// that Verdict is what is told of the user.
func (v *Verifier) VerifyKnowing(ctx context.Context, sessionKey string, known func(Login) *User) (Verdict, error) {
	if sessionKey == "" {
		return Verdict{Reason: NoCookie}, nil
	}
	if !validSessionKey(sessionKey) {
		return Verdict{Reason: BadSessionKey}, nil
	}
	session, err := v.store.Load(ctx, sessionKey)
	if err != nil {
		reason, err := loadReason(err)
		return Verdict{Reason: reason}, err
	}
	no := func(r Reason) (Verdict, error) { return Verdict{Session: session, Reason: r}, nil }

	// user_id = _get_user_session_key(request); backend_path = request.session[BACKEND_SESSION_KEY]
	if session.AuthUserID.kind == Missing || session.AuthBackend.kind == Missing {
		return no(Anonymous)
	}
	// if backend_path in settings.AUTHENTICATION_BACKENDS
	rule := v.ruleOf(session)
	if rule == NoUsers {
		return no(UnknownBackend)
	}
	if session.impersonation&v.impersonating != 0 {
		return no(Anonymous)
	}
	expires, over := v.end(session)
	if over {
		return no(Expired)
	}
	if v.config.InsecureSkipUserCheck {
		return sessionAlone(session, expires), nil
	}
	if user := session.userIn(known); user != nil {
		return Verdict{User: user, Expires: expires, Session: session}, nil
	}
	// user = backend.get_user(user_id), with user_can_authenticate
	user, err := v.users.UserByID(ctx, session.AuthUserID)
	switch {
	case errors.Is(err, ErrBadUserID):
		return no(BadUserID)
	case errors.Is(err, ErrUserNotFound):
		return no(UserNotFound)
	case err != nil && errors.As(err, new(*signing.SyntaxError)):
		return no(Unreadable)
	case err != nil:
		return Verdict{}, err
	case !v.lets(rule, user.IsActive):
		return no(UserInactive)
	// session_hash_verified = constant_time_compare(session_hash, user.get_session_auth_hash())
	case !v.hashes.verify(session.AuthHash, user):
		return no(AuthHashMismatch)
	}
	return Verdict{User: &user.User, Expires: expires, Session: session}, nil
}

// validSessionKey: contrib/sessions/backends/base.py, 5.2, _validate_session_key, "key and len(key) >= 8", in
// characters. NUL and what is not UTF-8 are what databases refuse, and what Django fails on.
func validSessionKey(key string) bool {
	return utf8.RuneCountInString(key) >= 8 && utf8.ValidString(key) && !strings.ContainsRune(key, 0)
}

// loadReason tells the errors of Store.Load that are verdicts from those that are failures.
func loadReason(err error) (Reason, error) {
	switch {
	case errors.Is(err, ErrExpired):
		return Expired, nil
	case errors.Is(err, ErrNotFound):
		return NotFound, nil
	case errors.Is(err, signing.ErrBadSignature):
		return BadSignature, nil
	case errors.As(err, new(*signing.SyntaxError)):
		return Unreadable, nil
	}
	return "", err
}

// sessionAlone is the verdict of InsecureSkipUserCheck. The type of the primary key is not known without the
// table, so the id is what the session says, if it is a text or a number.
func sessionAlone(session *Session, expires time.Time) Verdict {
	v := Verdict{Session: session, Reason: BadUserID}
	if kind := session.AuthUserID.kind; kind != String && kind != Int {
		return v
	}
	if id, err := textID(session.AuthUserID); err == nil && id != "" {
		v.User, v.Reason = &User{ID: id, IsStaff: AbsentFlag, IsSuperuser: AbsentFlag}, ""
		v.Expires = expires
	}
	return v
}
