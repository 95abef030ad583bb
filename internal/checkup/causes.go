package checkup

import (
	"context"
	"fmt"
	"strings"

	"django-sidecar/djangosession"
	"django-sidecar/internal/config"
)

// Causes says why the session under key is probably nobody's, the likeliest cause first; reason is that of the verdict.
// It tries other settings on the session itself, so that what it says of them is certain. Nothing in a cause is secret.
func (d *Checkup) Causes(ctx context.Context, key string, reason djangosession.Reason) []string {
	switch reason {
	case djangosession.NotFound:
		return d.notFound(ctx, key)
	case djangosession.BadSignature, djangosession.Unreadable:
		return d.notRead(ctx, key, reason)
	case djangosession.AuthHashMismatch:
		return d.otherHash(ctx, key)
	case djangosession.BadSessionKey:
		return []string{"a session key has at least 8 characters, and neither NUL nor broken UTF-8: is this the " +
			"value of the session cookie?"}
	case djangosession.UnknownBackend:
		return []string{"Django's AUTHENTICATION_BACKENDS has the backend that this session names, and " +
			"DJANGO_AUTHENTICATION_BACKENDS has not; or the project has removed it"}
	case djangosession.UserNotFound, djangosession.BadUserID:
		return []string{"the user has been deleted; or " + d.Config.AuthUserTable + " is not the table of " +
			"AUTH_USER_MODEL; or users are in another database than DATABASE_URL's"}
	case djangosession.NoCookie, djangosession.Expired, djangosession.Anonymous, djangosession.UserInactive:
	}
	return nil
}

func (d *Checkup) notFound(ctx context.Context, key string) []string {
	var causes []string
	switch {
	case d.Config.SessionEngineKind != config.EngineSignedCookies && strings.Count(key, ":") == 2:
		causes = append(causes, "this looks like a signed cookie: is Django's SESSION_ENGINE signed_cookies?")
	case strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789") != "":
		// contrib/sessions/backends/base.py, 1.11 to 6.1: VALID_KEY_CHARS = string.ascii_lowercase + string.digits
		causes = append(causes, "Django makes session keys of small letters and digits alone: is this the value of "+
			"the session cookie, whole and unchanged?")
	}
	if d.Recent != nil {
		if recent, err := d.Recent(ctx, 1); err == nil && len(recent) == 0 {
			causes = append(causes, "there is no live session at all where this looks, so Django probably keeps "+
				"them elsewhere")
		}
	}
	causes = append(causes, "the user has logged out, or the session has expired and was removed")
	const engine = "compare SESSION_ENGINE"
	switch d.Config.SessionEngineKind {
	case config.EngineCache:
		return append(causes, "or the cache was emptied or restarted, or has evicted it",
			engine+", the server and database number in DJANGO_CACHE_URL, "+
				"DJANGO_CACHE_KEY_PREFIX and DJANGO_CACHE_VERSION with the entry of CACHES that SESSION_CACHE_ALIAS "+
				"names; a KEY_FUNCTION of the project's own is not known here")
	case config.EngineFile:
		return append(causes, engine+" and SESSION_FILE_PATH, and the first name in DJANGO_SESSION_COOKIE_NAME, "+
			"with which the files' names begin")
	case config.EngineDB, config.EngineCachedDB:
		place := "DATABASE_URL"
		if d.Config.SessionDatabaseURL.Reveal() != "" {
			place = "DJANGO_SESSION_DATABASE_URL"
		}
		return append(causes, engine+", "+place+" (server, database and schema) and DJANGO_SESSION_TABLE with "+
			"Django's settings; "+
			"where a database router keeps sessions in a database of their own, DJANGO_SESSION_DATABASE_URL names it")
	case config.EngineSignedCookies:
	}
	return causes
}

// notRead tries the session with other settings.
func (d *Checkup) notRead(ctx context.Context, key string, reason djangosession.Reason) []string {
	for _, v := range variants(d.Config) {
		trial, err := d.Try(v.config)
		if err != nil || trial.Store == nil {
			continue
		}
		if _, err := trial.Store.Load(ctx, key); err == nil {
			return []string{"it can be read " + v.means}
		}
	}
	if reason == djangosession.Unreadable {
		return []string{"compare DJANGO_SESSION_SERIALIZER with SESSION_SERIALIZER, and SIDECAR_MAX_SESSION_BYTES " +
			"with the session's size"}
	}
	const class = "for a session store of the project's own, DJANGO_SESSION_STORE_CLASS is the class's __qualname__"
	if len(d.Config.SessionKeys) > 0 {
		return []string{
			"it was signed with another SECRET_KEY than that of DJANGO_SESSION_KEYS, or was changed on its way",
			"after a change of keys, make DJANGO_SESSION_KEYS again, with the old one among SECRET_KEY_FALLBACKS",
			class,
		}
	}
	return []string{
		"it was signed with another SECRET_KEY than the one here (neither quoting, dollars, backslashes nor line " +
			"ends explain it), or was changed on its way",
		"after a change of keys, put the old one into DJANGO_SECRET_KEY_FALLBACKS, as Django's " +
			"SECRET_KEY_FALLBACKS has it",
		class,
	}
}

// otherHash tries the hash in the session with other settings, on the same session and user.
func (d *Checkup) otherHash(ctx context.Context, key string) []string {
	for _, v := range variants(d.Config) {
		trial, err := d.Try(v.config)
		if err != nil {
			continue
		}
		verdict, err := trial.Verifier.Verify(ctx, key)
		if err == nil && verdict.User != nil {
			return []string{"the hash is right " + v.means}
		}
	}
	causes := []string{"the user's password has been changed since this login, which ends the session in Django too"}
	if d.Config.Fallbacks() > 0 && !d.Version.AtLeast(4, 2) {
		causes = append(causes, fmt.Sprintf("the login was before a change of SECRET_KEY: Django %s makes no hashes "+
			"with fallback keys (4.1.8 is the first)", d.Version))
	}
	if d.signsNothing() {
		causes = append(causes, "the SECRET_KEY is not Django's: nothing in a cache is signed, so that a wrong key "+
			"shows here first")
	}
	return append(causes,
		"the user model has a get_session_auth_hash() of its own: DJANGO_AUTH_HASH_SALT and "+
			"DJANGO_AUTH_HASH_COLUMNS declare the common shapes",
		"DJANGO_AUTH_USER_PASSWORD_COLUMN or DJANGO_AUTH_USER_TABLE is not that of the user model, or users are in "+
			"another database",
	)
}

// signsNothing reports whether sessions come without a signature that would prove SECRET_KEY.
func (d *Checkup) signsNothing() bool {
	return d.Config.SessionEngineKind == config.EngineCache || d.Config.SessionEngineKind == config.EngineCachedDB
}

// Cookie judges the session key that a request has in the cookie called name; both are "" where it has none.
func (d *Checkup) Cookie(ctx context.Context, key, name string) Finding {
	const finding = "cookie"
	if key == "" {
		return Finding{
			Fail, finding, "the header has no cookie " + strings.Join(d.Config.SessionCookieNames, " or "),
			"compare DJANGO_SESSION_COOKIE_NAME with SESSION_COOKIE_NAME",
		}
	}
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	verdict, err := d.Verifier.Verify(ctx, key)
	switch {
	case err != nil:
		return Finding{Fail, finding, "could not find out: " + err.Error(), ""}
	case verdict.User == nil:
		return Finding{
			Fail, finding, fmt.Sprintf("%s is nobody's: %s", name, verdict.Reason),
			strings.Join(d.Causes(ctx, key, verdict.Reason), "; "),
		}
	}
	return Finding{OK, finding, fmt.Sprintf("%s leads to user %s", name, verdict.User.ID), ""}
}
