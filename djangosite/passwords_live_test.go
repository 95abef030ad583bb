//go:build live

package djangosite_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite/hashers"
)

// TestPasswordsBothWays: Django takes the hashes of the site, and the site those of Django; an old one is made anew for
// the right password alone, as Django would make it.
func TestPasswordsBothWays(t *testing.T) {
	const quick, md5 = "__main__.Quick", "django.contrib.auth.hashers.MD5PasswordHasher"
	for _, version := range []string{"1.11", "4.2", "6.1"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := share(t, version, map[string]any{"PASSWORD_HASHERS": []string{quick, md5}},
				map[string]string{"DJANGO_PASSWORD_HASHERS": quick + " = PBKDF2PasswordHasher iterations=1000, " + md5})
			const password = "pässwörd ✓"
			made, err := s.MakePassword(t.Context(), password)
			if err != nil {
				t.Fatal(err)
			}
			s.djangoSays(t, made, password, true)
			s.djangoSays(t, made, "password", false)
			if again, err := s.MakePassword(t.Context(), password); err != nil || again == made {
				t.Errorf("the salt is the same: %v", err)
			}
			for _, none := range []string{"", "\xff", strings.Repeat("x", 1<<16)} {
				if encoded, err := s.MakePassword(t.Context(), none); !errors.Is(err, hashers.ErrPassword) || encoded != "" {
					t.Errorf("%.10q: %q, %v", none, encoded, err)
				}
			}
			for _, hasher := range []string{"pbkdf2_sha256", "md5"} {
				s.testCheckPassword(t, hasher, password)
			}
			s.encoded(t, map[string]any{"password": nil, "hasher": "default"})
			s.checks(t, password, false)
			if _, err := s.CheckPassword(t.Context(), djangosession.User{ID: "99"}, password); !errors.Is(err, djangosession.ErrUserNotFound) {
				t.Errorf("of nobody: %v", err)
			}
		})
	}
}

// testCheckPassword gives ada a hash of Django's.
func (s *shared) testCheckPassword(t *testing.T, hasher, password string) {
	t.Helper()
	before := s.encoded(t, map[string]any{"password": password, "hasher": hasher})
	s.checks(t, "password", false)
	if is := s.encoded(t, nil); is != before {
		t.Errorf("%s: a wrong password has changed the hash", hasher)
	}
	s.checks(t, password, true)
	is := s.encoded(t, nil)
	if raised := is != before; raised != (hasher == "md5") {
		t.Errorf("%s: the hash was made anew: %v", hasher, raised)
	}
	s.djangoSays(t, is, password, true)
	s.checks(t, password, true)
	if again := s.encoded(t, nil); again != is {
		t.Errorf("%s: the hash was made anew twice", hasher)
	}
}

// checks wants this of the site for ada.
func (s *shared) checks(t *testing.T, password string, want bool) {
	t.Helper()
	ada, err := s.UserByName(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := s.CheckPassword(t.Context(), ada, password); err != nil || ok != want {
		t.Errorf("%q: %v, %v, want %v", password, ok, err, want)
	}
}

// djangoSays wants this of Django, which has nothing to raise.
func (s *shared) djangoSays(t *testing.T, encoded, password string, want bool) {
	t.Helper()
	var said struct{ OK, Raised bool }
	s.Ask(t, map[string]any{"op": "verify", "encoded": encoded, "password": password}, &said)
	if said.OK != want || said.Raised {
		t.Errorf("Django says %+v of %q and %.20s, want %v", said, password, encoded, want)
	}
}

// encoded is the hash that ada has, after she was given another one, if so.
func (s *shared) encoded(t *testing.T, give map[string]any) string {
	t.Helper()
	question := map[string]any{"op": "encode", "name": "ada"}
	maps.Copy(question, give)
	var said struct{ Encoded string }
	s.Ask(t, question, &said)
	return said.Encoded
}
