package djangosession

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"django-sidecar/signing"
)

// VerifierConfig is what a Verifier needs to know of the deployment.
type VerifierConfig struct {
	// Version is the deployment's Django; required.
	Version Version
	// SecretKey is SECRET_KEY, a signing.SecretKey, or keys that were derived from it; required, but with
	// InsecureSkipUserCheck.
	SecretKey signing.Keys
	// SecretKeyFallbacks is SECRET_KEY_FALLBACKS; ignored where Version is older than 4.1.8, as Django does.
	SecretKeyFallbacks []signing.Keys
	// HashingAlgorithm is DEFAULT_HASHING_ALGORITHM; ignored where Version is not 3.1 or 3.2.
	HashingAlgorithm signing.Algorithm
	// AuthenticationBackends is AUTHENTICATION_BACKENDS: a login through any other backend counts for nothing.
	// An empty list lets nobody in.
	AuthenticationBackends []string
	// BackendRules are the rules of backends of the project's own. Each counts before what KnownBackend says. A backend
	// with neither is taken to know the users of ModelBackend, and to give no permissions.
	BackendRules map[string]BackendRule
	// RequireActive refuses users whose is_active is false or NULL, also where their backend does not.
	RequireActive bool
	// Middleware is MIDDLEWARE, nil where it is not known. A session in which somebody may act as another user is
	// nobody's: see Impersonation and RemoteUserLogout.
	Middleware []string
	// Timeouts are the settings of the packages in Middleware that end logins.
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
	if c.Version == (Version{}) || c.SecretKey == nil && !c.InsecureSkipUserCheck {
		return nil, errors.New("a verifier needs Django's version and SECRET_KEY")
	}
	if store == nil || users == nil && !c.InsecureSkipUserCheck {
		return nil, errors.New("a verifier needs a session store and a user store")
	}
	if c.AuthenticationBackends == nil && !c.InsecureSkipUserCheck {
		return nil, errors.New("a verifier needs AUTHENTICATION_BACKENDS: Django's default is " +
			"django.contrib.auth.backends.ModelBackend; an empty list that is not nil knows nobody")
	}
	timeouts, err := c.timeouts()
	if err != nil {
		return nil, err
	}
	var hashes authHashes
	if c.SecretKey != nil {
		if hashes, err = newAuthHashes(c); err != nil {
			return nil, err
		}
	}
	v := &Verifier{
		timeouts: timeouts,
		config:   c, hashes: hashes, store: store, users: users,
		backends: c.listed(), impersonating: impersonating(c.Middleware),
	}
	v.config.SecretKey, v.config.SecretKeyFallbacks = nil, nil // the derived keys are all that is needed
	return v, nil
}

// With returns a Verifier with v's keys and rules on other stores. For a nil store it keeps that of v.
func (v *Verifier) With(store Store, users UserStore) *Verifier {
	other := *v
	if store != nil {
		other.store = store
	}
	if users != nil {
		other.users = users
	}
	return &other
}

// Verify tells who is logged in with a session key, the value of the session cookie ("" when there is none).
// Where Django would fail with an exception, nobody is logged in.
//
// An error says that a store failed and that nothing is known: it is neither a yes nor a no.
func (v *Verifier) Verify(ctx context.Context, sessionKey string) (Verdict, error) {
	claim, err := v.Begin(ctx, sessionKey)
	if err != nil {
		return Verdict{}, err
	}
	return v.Resolve(ctx, claim)
}

// Begin is the first half of Verify: it loads the session, and returns who it says has logged in, or why nobody has.
// It follows SessionMiddleware and the beginning of get_user of contrib/auth/__init__.py, 5.2, line by line.
func (v *Verifier) Begin(ctx context.Context, sessionKey string) (Claim, error) {
	if sessionKey == "" {
		return Claim{Reason: NoCookie}, nil
	}
	if !ValidSessionKey(sessionKey) {
		return Claim{Reason: BadSessionKey}, nil
	}
	session, err := v.store.Load(ctx, sessionKey)
	if err != nil {
		reason, err := loadReason(err)
		return Claim{Reason: reason}, err
	}
	// user_id = _get_user_session_key(request); backend_path = request.session[BACKEND_SESSION_KEY]
	if session.AuthUserID.kind == Missing || session.AuthBackend.kind == Missing {
		return Claim{Session: session, Reason: Anonymous}, nil
	}
	// if backend_path in settings.AUTHENTICATION_BACKENDS
	rule := v.ruleOf(session)
	if rule == NoUsers {
		return Claim{Session: session, Reason: UnknownBackend}, nil
	}
	if session.impersonation&v.impersonating != 0 {
		return Claim{Session: session, Reason: Anonymous}, nil
	}
	expires, over := v.end(session)
	if over {
		return Claim{Session: session, Reason: Expired}, nil
	}
	return Claim{Session: session, Expires: expires, rule: rule}, nil
}

// Resolve is the second half of Verify: it looks up the user whom a claim of Begin names, and asks no store where the
// claim says why nobody is logged in. It follows the rest of get_user.
func (v *Verifier) Resolve(ctx context.Context, claim Claim) (Verdict, error) {
	switch {
	case !claim.open():
		return claim.no(claim.Reason), nil
	case v.config.InsecureSkipUserCheck:
		return sessionAlone(claim), nil
	}
	// user = backend.get_user(user_id), with user_can_authenticate
	user, err := v.users.UserByID(ctx, claim.Session.AuthUserID)
	switch {
	case errors.Is(err, ErrBadUserID):
		return claim.no(BadUserID), nil
	case errors.Is(err, ErrUserNotFound):
		return claim.no(UserNotFound), nil
	case err != nil && errors.As(err, new(*signing.SyntaxError)):
		return claim.no(Unreadable), nil
	case err != nil:
		return Verdict{}, err
	case !v.lets(claim.rule, user.IsActive):
		return claim.no(UserInactive), nil
	}
	// session_hash_verified = constant_time_compare(session_hash, user.get_session_auth_hash())
	by, ok := v.hashes.verify(claim.Session.AuthHash, user)
	if !ok {
		return claim.no(AuthHashMismatch), nil
	}
	verdict := claim.yes(&user.User)
	verdict.HashedBy = by
	return verdict, nil
}

// ValidSessionKey reports whether Django would look for a session under this key: contrib/sessions/backends/base.py,
// 5.2, _validate_session_key, "key and len(key) >= 8", in characters. NUL and what is not UTF-8 are what databases
// refuse, and what Django fails on.
func ValidSessionKey(key string) bool {
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
func sessionAlone(claim Claim) Verdict {
	if kind := claim.Session.AuthUserID.kind; kind != String && kind != Int {
		return claim.no(BadUserID)
	}
	id, err := textID(claim.Session.AuthUserID)
	if err != nil || id == "" {
		return claim.no(BadUserID)
	}
	return claim.yes(&User{ID: id, IsStaff: AbsentFlag, IsSuperuser: AbsentFlag})
}
