//go:build live

package e2e

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
	}
	return list
}
