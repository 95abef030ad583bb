package config_test

import (
	"testing"
	"time"
)

// TestPasswordResetTimeout: in days to Django 3.0, in either in 3.1 and 3.2, and in seconds from 4.0 on.
func TestPasswordResetTimeout(t *testing.T) {
	const seconds, days = "DJANGO_PASSWORD_RESET_TIMEOUT", "DJANGO_PASSWORD_RESET_TIMEOUT_DAYS"
	const day = 24 * time.Hour
	for _, tt := range []struct {
		version, seconds, days string
		want                   time.Duration
	}{
		{"5.2", "", "", 3 * day},
		{"2.2", "", "", 3 * day},
		{"5.2", "60", "", time.Minute},
		{"2.2", "60", "2", 2 * day}, // which that Django does not look at
		{"3.2", "", "2", 2 * day},
		{"3.1", "60", "", time.Minute},
		{"4.0", "", "2", 3 * day},
	} {
		given := env{"DJANGO_VERSION": tt.version}
		for name, value := range map[string]string{seconds: tt.seconds, days: tt.days} {
			if value != "" {
				given[name] = value
			}
		}
		if c := mustLoad(t, with(given)); c.PasswordResetTimeout != tt.want {
			t.Errorf("%+v: got %s", tt, c.PasswordResetTimeout)
		}
	}
	wantFault(t, with(env{"DJANGO_VERSION": "3.2", seconds: "60", days: "2"}), days, seconds, "=3")
	for _, value := range []string{"0", "-1", "3d", "9999999999999999"} {
		wantFault(t, with(env{seconds: value}), seconds, "a whole number", "=259200")
	}
}

// TestMessageSettings: Django's defaults, and what is no level.
func TestMessageSettings(t *testing.T) {
	if c := mustLoad(t, with(env{"MESSAGE_LEVEL": "10", "DJANGO_MESSAGE_STORAGE": "shop.Own"})); c.MessageLevel != 10 || c.MessageStorage != "shop.Own" {
		t.Errorf("%d, %s", c.MessageLevel, c.MessageStorage)
	}
	wantFault(t, with(env{"DJANGO_MESSAGE_LEVEL": "info"}), "DJANGO_MESSAGE_LEVEL", "a whole number", "=20")
}
