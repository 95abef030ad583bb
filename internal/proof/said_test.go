package proof_test

import (
	"slices"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/internal/proof"
)

func TestDifferences(t *testing.T) {
	ada, bob, yes, no := "42", "43", true, false
	name := func(is string) func(string) bool { return func(s string) bool { return s == is } }
	user := func(change func(*proof.Known)) proof.Known {
		username := "ada"
		k := proof.Known{
			Verdict: djangosession.Verdict{User: &djangosession.User{ID: ada, Username: &username, IsStaff: djangosession.True}},
			Access:  djangosession.Access{IsActive: true, Groups: []string{"a", "b"}, Permissions: map[string]struct{}{"app.read": {}}},
		}
		if change != nil {
			change(&k)
		}
		return k
	}
	nobody := proof.Known{Verdict: djangosession.Verdict{Reason: djangosession.BadSignature}}
	rights := func(r proof.Rights) proof.Said { return proof.Said{User: &ada, Rights: r} }
	for _, c := range []struct {
		name string
		said proof.Said
		here proof.Known
		want []string // the kinds
	}{
		{"nobody on both sides", proof.Said{}, nobody, nil},
		{"a user on both sides", proof.Said{User: &ada}, user(nil), nil},
		{"a user in Django alone", proof.Said{User: &ada}, nobody, []string{"user: bad_signature"}},
		{"a user here alone", proof.Said{}, user(nil), []string{"user: only here"}},
		{"two users", proof.Said{User: &bob, Rights: proof.Rights{IsStaff: &no}}, user(nil), []string{"user: another one"}},
		{"the same name", proof.Said{User: &ada, IsUsername: name("ada")}, user(nil), nil},
		{"another name", proof.Said{User: &ada, IsUsername: name("bob")}, user(nil), []string{"username"}},
		{"no name here", proof.Said{User: &ada, IsUsername: name("bob")}, user(func(k *proof.Known) { k.User.Username = nil }), nil},
		{"the same flags", rights(proof.Rights{IsStaff: &yes, IsSuperuser: &no}), user(nil), nil},
		{"other flags", rights(proof.Rights{IsStaff: &no, IsSuperuser: &yes}), user(nil), []string{"is_staff", "is_superuser"}},
		{"a flag that is not known here", rights(proof.Rights{IsStaff: &yes}), user(func(k *proof.Known) { k.User.IsStaff = djangosession.AbsentFlag }), []string{"is_staff"}},
		{"a flag that nobody knows", rights(proof.Rights{}), user(func(k *proof.Known) { k.User.IsStaff = djangosession.AbsentFlag }), nil},
		{"the same groups in another order", rights(proof.Rights{Groups: []string{"b", "a"}}), user(nil), nil},
		{"a group more", rights(proof.Rights{Groups: []string{"b", "a", "c"}}), user(nil), []string{"groups"}},
		{"no groups in Django", rights(proof.Rights{Groups: []string{}}), user(nil), []string{"groups"}},
		{"no groups here", rights(proof.Rights{Groups: []string{"a"}}), user(func(k *proof.Known) { k.Access = djangosession.Access{PermissionsUnknown: true} }), []string{"groups"}},
		{"the same permissions", rights(proof.Rights{Permissions: map[string]bool{"app.read": true, "app.write": false}}), user(nil), nil},
		{"a permission that Django denies", rights(proof.Rights{Permissions: map[string]bool{"app.read": false}}), user(nil), []string{"permissions"}},
		{"a permission that is not known here", rights(proof.Rights{Permissions: map[string]bool{"app.write": true}}), user(nil), []string{"permissions"}},
		{"a permission here that Django does not list", proof.Said{User: &ada, Every: true, Rights: proof.Rights{Permissions: map[string]bool{}}}, user(nil), []string{"permissions"}},
		{"a permission here of which Django has said no", proof.Said{User: &ada, All: []string{"app.read", "app.write"}, Every: true, Rights: proof.Rights{Permissions: map[string]bool{"app.write": true}}}, user(func(k *proof.Known) {
			k.Permissions["app.write"] = struct{}{}
		}), []string{"permissions"}},
		{"a superuser here to whom Django denies one", proof.Said{User: &ada, All: []string{"app.read", "app.write"}, Every: true, Rights: proof.Rights{Permissions: map[string]bool{"app.write": true}}}, user(func(k *proof.Known) {
			k.User.IsSuperuser = djangosession.True
		}), []string{"permissions"}},
		{"permissions of which some were asked", rights(proof.Rights{Permissions: map[string]bool{}}), user(nil), nil},
		{"permissions that are refused here", rights(proof.Rights{Permissions: map[string]bool{"app.write": true}}), user(func(k *proof.Known) { k.NoPermissions = true }), nil},
		{"a superuser has all", rights(proof.Rights{Permissions: map[string]bool{"app.write": true}}), user(func(k *proof.Known) { k.User.IsSuperuser = djangosession.True }), nil},
		{"an inactive superuser has none", rights(proof.Rights{Permissions: map[string]bool{"app.write": true}}), user(func(k *proof.Known) {
			k.User.IsSuperuser, k.IsActive = djangosession.True, false
		}), []string{"permissions"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var kinds []string
			for _, d := range c.said.Differences(c.here) {
				kinds = append(kinds, d.Kind())
			}
			if !slices.Equal(kinds, c.want) {
				t.Errorf("%q, want %q", kinds, c.want)
			}
		})
	}
}

// TestRemedies: each kind of difference has a remedy.
func TestRemedies(t *testing.T) {
	kinds := []string{"user: only here", "user: another one", "username", "is_staff", "is_superuser", "groups", "permissions"}
	for _, reason := range []djangosession.Reason{
		djangosession.NoCookie, djangosession.BadSessionKey, djangosession.NotFound, djangosession.Expired, djangosession.BadSignature, djangosession.Unreadable,
		djangosession.Anonymous, djangosession.UnknownBackend, djangosession.BadUserID, djangosession.UserNotFound, djangosession.UserInactive, djangosession.AuthHashMismatch,
	} {
		kinds = append(kinds, "user: "+string(reason))
	}
	for _, kind := range kinds {
		if proof.RemedyOf(kind) == "" {
			t.Errorf("%s has no remedy", kind)
		}
	}
}
