package djangosite_test

import (
	"errors"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite"
)

// TestUserByName: a name is compared exactly, and a site without tables knows nobody.
func TestUserByName(t *testing.T) {
	d := deploy(t)
	site := open(t, d.settings)
	if user, err := site.UserByName(t.Context(), "grace"); err != nil || user.Name() != "grace" || !user.IsStaff.Bool() || user.ID == "" {
		t.Errorf("%+v, %v", user, err)
	}
	for _, name := range []string{"", "Grace", "grac_", "grace\x00"} {
		if user, err := site.UserByName(t.Context(), name); !errors.Is(err, djangosession.ErrUserNotFound) {
			t.Errorf("%q: %+v, %v", name, user, err)
		}
	}
	away, err := djangosite.Ask("http://127.0.0.1:1", djangosite.AskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []*djangosite.Site{away, {}, nil} {
		if _, err := other.UserByName(t.Context(), "grace"); err == nil || errors.Is(err, djangosession.ErrUserNotFound) {
			t.Errorf("a site without tables: %v", err)
		}
	}
}
