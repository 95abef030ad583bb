package config_test

import (
	"slices"
	"testing"
)

func TestAuthenticationBackends(t *testing.T) {
	const name = "DJANGO_AUTHENTICATION_BACKENDS"
	for text, want := range map[string][]string{
		"a.B":              {"a.B"},
		"a.B,c.d.E":        {"a.B", "c.d.E"},
		`["a.B", "c.d.E"]`: {"a.B", "c.d.E"},
	} {
		if c := mustLoad(t, with(env{name: text})); !slices.Equal(c.AuthenticationBackends, want) {
			t.Errorf("%s: got %q", text, c.AuthenticationBackends)
		}
	}
	for text, problem := range map[string]string{
		"a.B,,c.D":       "empty item at place 2",
		"('a.B')":        `the item "('a.B')", which is not a dotted path`,
		"ModelBackend":   "which is not a dotted path",
		`['a.B']`:        "not a JSON array",
		`["a.B", " c."]`: "which is not a dotted path",
	} {
		wantFault(t, with(env{name: text}), name, problem, "django.contrib.auth.backends.ModelBackend")
	}
	c := mustLoad(t, with(env{name: "[]"}))
	if len(c.AuthenticationBackends) != 0 {
		t.Errorf("got %q", c.AuthenticationBackends)
	}
	wantWarning(t, c, "every session is anonymous")
}

func TestUserTable(t *testing.T) {
	for model, want := range map[string]string{
		"auth.User":           "auth_user",
		"shop.ShopUser":       "shop_shopuser",
		"accounts.user":       "accounts_user",
		"Accounts.User":       "Accounts_user", // Django keeps the label as it is
		"my_app.Kundschaft_2": "my_app_kundschaft_2",
	} {
		if c := mustLoad(t, with(env{"AUTH_USER_MODEL": model})); c.AuthUserTable != want {
			t.Errorf("%s: got %s, want %s", model, c.AuthUserTable, want)
		}
	}
	for _, model := range []string{"User", "shop.models.User", "shop.", ".User", "shop User", "shop.Us er"} {
		wantFault(t, with(env{"AUTH_USER_MODEL": model}), "AUTH_USER_MODEL", "of the form app_label.ModelName", "=auth.User")
	}
	wantFault(t, with(env{"AUTH_USER_TABLE": "a\tb"}), "AUTH_USER_TABLE", "the name of a table", "=auth_user")
}

func TestUserColumns(t *testing.T) {
	if c := mustLoad(t, with(env{"DJANGO_AUTH_USER_USERNAME_COLUMN": "-"})); c.AuthUserColumns.Username != "-" {
		t.Errorf("got %q for a model without user names", c.AuthUserColumns.Username)
	}
	for _, name := range []string{"ID", "PASSWORD"} {
		name = "DJANGO_AUTH_USER_" + name + "_COLUMN"
		wantFault(t, with(env{name: "-"}), name, "no user model is without it", name+"=")
	}
	for _, name := range []string{"ID", "USERNAME", "PASSWORD", "EMAIL", "ACTIVE", "STAFF", "SUPERUSER"} {
		name = "DJANGO_AUTH_USER_" + name + "_COLUMN"
		wantFault(t, with(env{name: "a\nb"}), name, "without control characters", name+"=")
	}
}

func TestTimeZone(t *testing.T) {
	c := mustLoad(t, with(env{"TIME_ZONE": "America/Chicago", "USE_TZ": "no"}))
	if c.TimeZone.String() != "America/Chicago" || c.UseTZ {
		t.Errorf("got %s, USE_TZ %t", c.TimeZone, c.UseTZ)
	}
	for _, zone := range []string{"Mars/Olympus", "Local", "../UTC", "/etc/localtime", "+02:00"} {
		wantFault(t, with(env{"DJANGO_TIME_ZONE": zone}), "DJANGO_TIME_ZONE", "the IANA name of a time zone", "DJANGO_TIME_ZONE=Europe/Berlin")
	}
}
