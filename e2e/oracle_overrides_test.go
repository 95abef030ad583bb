//go:build live

package e2e

import "django-sidecar/internal/djangotest"

// overrideProfiles are user models that override what Django asks them.
func overrideProfiles() []profile {
	settings := func(model string) map[string]any {
		return map[string]any{
			"AUTH_USER_MODEL": "oracle." + model, "SECRET_KEY_FALLBACKS": []string{"an older key, with a comma", "the oldest key"},
		}
	}
	status := func(where string) map[string]string {
		return map[string]string{
			"DJANGO_AUTH_USER_WHERE": where, "DJANGO_AUTH_USER_ACTIVE_WHERE": "status IN ('active', 'it''s a trial')",
			"DJANGO_AUTH_USER_STAFF_WHERE": "role >= 1", "DJANGO_AUTH_USER_SUPERUSER_WHERE": "role = 2",
		}
	}
	binary := func(env map[string]string) map[string]string { // or the collation would take Active for active
		env["DJANGO_AUTH_USER_ACTIVE_WHERE"] = "BINARY " + env["DJANGO_AUTH_USER_ACTIVE_WHERE"]
		return env
	}
	joined := map[string]string{
		"DJANGO_AUTH_HASH_SALT": "oracle.JoinedUser, and a comma", "DJANGO_AUTH_HASH_COLUMNS": "password,email,session_token", "DJANGO_AUTH_HASH_ALGORITHM": "sha1",
	}
	people := map[string]string{
		"DJANGO_AUTH_USER_TABLE": "people", "DJANGO_AUTH_USER_ID_COLUMN": "login_id", "DJANGO_AUTH_USER_PASSWORD_COLUMN": "pw",
	}
	separated := map[string]string{
		"DJANGO_AUTH_HASH_SALT": "oracle.SeparatedUser", "DJANGO_AUTH_HASH_COLUMNS": `["password", "generation", "session_token", "device"]`,
		"DJANGO_AUTH_HASH_SEPARATOR": ":", "DJANGO_AUTH_HASH_ALGORITHM": "sha256", "DJANGO_AUTH_HASH_METHOD": "_get_session_auth_hash",
	}
	list := []profile{
		{name: "flags that are properties", django: "2.2", settings: settings("StatusUser"), env: status("deleted_at IS NULL")},
		{name: "flags that are properties", django: "4.2", settings: settings("StatusUser"), env: binary(status("`deleted_at` IS NULL")), mysql: true},
		{name: "flags that are properties", django: "5.2", settings: settings("StatusUser"), env: status(`"deleted_at" IS NULL`), sqlite: true},
		{name: "flags that are properties", django: "6.1", settings: settings("StatusUser"), env: status("NOT (deleted_at IS NOT NULL)")},

		{name: "an email in the hash", django: "1.11", settings: settings("JoinedUser"), env: joined},
		{name: "an email in the hash", django: "2.2", settings: settings("JoinedUser"), env: joined, mysql: true},
		{name: "an email in the hash", django: "3.2", settings: settings("JoinedUser"), env: joined, sqlite: true},
		{name: "an email in the hash", django: "4.2", settings: settings("JoinedUser"), env: joined},
		{name: "an email in the hash", django: "6.1", settings: settings("JoinedUser"), env: joined, mysql: true},
		{name: "a hash with fallbacks", django: "4.2", settings: settings("SeparatedUser"), env: separated, mysql: true},
		{name: "a hash with fallbacks", django: "5.2", settings: settings("SeparatedUser"), env: separated},
		{name: "a hash with fallbacks", django: "6.1", settings: settings("SeparatedUser"), env: separated, sqlite: true},

		{name: "hidden passwords", django: "6.1", settings: settings("UUIDUser"), hidden: true},
		{name: "hidden passwords, SHA-1", django: "3.2", settings: settings("JoinedUser"), env: joined, hidden: true},
		{name: "hidden passwords, a hash with fallbacks", django: "5.2", settings: settings("SeparatedUser"), env: separated, hidden: true},
		{name: "hidden passwords, flags that are properties", django: "4.2", settings: settings("StatusUser"), env: status("deleted_at IS NULL"), hidden: true},
		{name: "hidden passwords on MariaDB, UUID keys", django: "6.1", settings: settings("UUIDUser"), mysql: true, hidden: true},
		{name: "hidden passwords on MariaDB, SHA-1", django: "2.2", settings: settings("JoinedUser"), env: joined, mysql: true, hidden: true},
		{name: "hidden passwords on MariaDB, a hash with fallbacks", django: "5.2", settings: settings("SeparatedUser"), env: separated, mysql: true, hidden: true},
		{name: "hidden passwords on MariaDB, text keys", django: "4.2", settings: settings("TextUser"), env: people, mysql: true, hidden: true},
		{name: "hidden passwords on MySQL itself, text keys", django: "4.2", settings: settings("TextUser"), env: people, mysql: true, server: djangotest.MySQL, hidden: true},
		{name: "hidden passwords on MySQL itself, SHA-1", django: "2.2", settings: settings("JoinedUser"), env: joined, mysql: true, server: djangotest.MySQL, hidden: true},
	}
	return append(list, shapeProfiles(settings)...)
}

// shapeProfiles are user models whose columns have other names, and whose flags depend on the time.
func shapeProfiles(settings func(model string) map[string]any) []profile {
	mail := map[string]string{
		"DJANGO_AUTH_USER_ID_COLUMN": "user_no", "DJANGO_AUTH_USER_USERNAME_COLUMN": "mail", "DJANGO_AUTH_USER_EMAIL_COLUMN": "mail",
		"DJANGO_AUTH_USER_PASSWORD_COLUMN": "pass_hash", "DJANGO_AUTH_USER_ACTIVE_COLUMN": "enabled", "DJANGO_AUTH_USER_STAFF_COLUMN": "internal",
	}
	trial := func(now string) map[string]string {
		return map[string]string{
			"DJANGO_AUTH_USER_WHERE": "state <> 'it''s over' AND level > 0", "DJANGO_AUTH_USER_ACTIVE_WHERE": "blocked_until IS NULL OR blocked_until < " + now,
			"DJANGO_AUTH_USER_STAFF_WHERE": "level IN (2, 3) AND state <> 'new'",
		}
	}
	return []profile{
		{name: "an address in place of the user name", django: "1.11", settings: settings("MailUser"), env: mail, sqlite: true},
		{name: "an address in place of the user name", django: "4.2", settings: settings("MailUser"), env: mail, mysql: true},
		{name: "an address in place of the user name", django: "6.1", settings: settings("MailUser"), env: mail, engine: "cached_db", cache: "redis"},
		{name: "flags that depend on the time", django: "3.2", settings: settings("TrialUser"), env: trial("datetime('now')"), sqlite: true},
		{name: "flags that depend on the time", django: "5.2", settings: settings("TrialUser"), env: trial("now()")},
	}
}
