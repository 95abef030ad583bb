package checkup

import (
	"errors"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/config"
	"django-sidecar/signing"
)

const testKey = "a key of fifty characters or more, which is for tests alone"

// codecOf is the codec of a deployment.
func codecOf(c *config.Config) (*djangosession.Codec, error) {
	version, err := djangosession.ParseVersion(c.DjangoVersion)
	if err != nil {
		return nil, err
	}
	return djangosession.NewCodec(djangosession.CodecConfig{Version: version, SecretKey: signing.SecretKey(c.SecretKey.Reveal()), StoreClass: c.SessionStoreClass})
}

// stored are sessions as Djangos of these versions have written them, with a key.
func stored(t *testing.T, key string, versions ...string) (rows []djangosession.StoredSession) {
	t.Helper()
	for _, version := range versions {
		codec, err := codecOf(&config.Config{DjangoVersion: version, SecretKey: config.NewSecret(key)})
		if err != nil {
			t.Fatal(err)
		}
		data, err := codec.Encode(map[string]any{"a": 1}, time.Unix(1_700_000_000, 0))
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, djangosession.StoredSession{Key: version, Data: data})
	}
	return rows
}

// TestWhatCannotBeRead: rows that an older Django has left are told from a wrong DJANGO_VERSION, and a key that was changed on
// its way from one that is another's.
func TestWhatCannotBeRead(t *testing.T) {
	for _, tt := range []struct {
		name, version, key string
		rows               []djangosession.StoredSession
		read               int
		grade              Grade
		remedy             string
	}{
		{"left over", "5.2", testKey, stored(t, testKey, "5.2", "5.2", "2.2"), 2, Warn, "1 is left over from Django 3.0 or older, which Django 5.2 does not read either: users log in again"},
		{"left over, and others", "4.2", testKey, append(stored(t, testKey, "4.2", "3.0"), stored(t, "another", "4.2")...), 1, Warn, "; 1 other was signed with another key"},
		{"all older", "5.2", testKey, stored(t, testKey, "2.2", "3.0"), 0, Fail, "2 of the unread ones are in the form of Django 3.0 or older: set DJANGO_VERSION"},
		{"the version is too old", "3.0", testKey, stored(t, testKey, "3.0", "5.2"), 1, Fail, "1 of the unread ones is in the form of Django 4.0 or newer: set DJANGO_VERSION"},
		{"quotes were kept", "5.2", `"` + testKey + `"`, stored(t, testKey, "5.2"), 0, Fail, "1 of the unread ones could be read with DJANGO_SECRET_KEY without the quotes around it"},
		{"a line break was lost", "5.2", testKey, stored(t, testKey+"\n", "5.2"), 0, Fail, "with DJANGO_SECRET_KEY with a line break at its end"},
		{"dollars were doubled", "5.2", "$$" + testKey, stored(t, "$"+testKey, "5.2"), 0, Fail, "with DJANGO_SECRET_KEY with $ for each $$"},
		{"another key", "5.2", testKey, stored(t, "another", "5.2"), 0, Fail, "compare SECRET_KEY with Django's"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			version, err := djangosession.ParseVersion(tt.version)
			if err != nil {
				t.Fatal(err)
			}
			d := &Checkup{
				Version: version,
				Config:  &config.Config{DjangoVersion: tt.version, SecretKey: config.NewSecret(tt.key), SessionStoreClass: "SessionStore"},
				Try: func(c *config.Config) (Trial, error) {
					codec, err := codecOf(c)
					return Trial{Codec: codec}, err
				},
			}
			grade, remedy := d.unread(tt.rows, tt.read)
			if grade != tt.grade || !strings.Contains(remedy, tt.remedy) {
				t.Errorf("got %s: %s\nwant %s: %s", grade, remedy, tt.grade, tt.remedy)
			}
			if strings.Contains(remedy, testKey) {
				t.Error("the remedy shows the key")
			}
		})
	}
}

// TestRemediesNameTheSetting that is at fault, and the first symptom that fits decides.
func TestRemediesNameTheSetting(t *testing.T) {
	db := &NamedDatabase{Setting: "DJANGO_SESSION_DATABASE_URL", Dialect: dbstore.Postgres}
	for text, want := range map[string]string{
		"pq: unsupported startup parameter: options (08P01)": "pgbouncer takes no options at the start of a connection: leave options and currentSchema out of DJANGO_SESSION_DATABASE_URL",
		"Error 1045 (28000): Access denied for user 'a'":     "the server refuses this user or password",
		"something that nobody has seen":                     "check host and port in DJANGO_SESSION_DATABASE_URL",
	} {
		if got := db.connectionRemedy(errors.New(text)); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
