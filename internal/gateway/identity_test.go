package gateway_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/djangosession"
	"django-sidecar/internal/gateway"
)

// headers are the identity headers by name.
func headers(i gateway.Identity) map[string]string {
	named := map[string]string{}
	for _, h := range i.Headers() {
		named[h.Name] = h.Value
	}
	return named
}

func TestIdentityHeaders(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                    string
		identity                gateway.Identity
		user, id, email, groups string
	}{
		{"nobody has them all, empty", gateway.Identity{}, "", "", "", ""},
		{
			"plain text stands for itself",
			gateway.Identity{Username: "ada@x+y_z", UserID: "42", Email: `"a b"@example.com`, Groups: []string{"editors", "the staff"}},
			"ada@x+y_z", "42", `"a b"@example.com`, "editors,the staff",
		},
		{
			"other letters are encoded",
			gateway.Identity{Username: "Zoë", UserID: "é", Email: "ü@ä.example", Groups: []string{"日本", "x"}},
			"Zo%C3%AB", "%C3%A9", "%C3%BC@%C3%A4.example", "%E6%97%A5%E6%9C%AC,x",
		},
		{
			"percent signs are encoded, so that decoding is certain",
			gateway.Identity{Username: "100%", UserID: "%41", Email: "%", Groups: []string{"a%2Cb"}},
			"100%25", "%2541", "%25", "a%252Cb",
		},
		{
			"commas are encoded in groups only",
			gateway.Identity{Username: "a,b", Groups: []string{"a,b", "c"}},
			"a,b", "", "", "a%2Cb,c",
		},
		{
			"spaces at the ends are encoded, because gateways trim",
			gateway.Identity{Username: " a b ", UserID: "  ", Email: "a  ", Groups: []string{" x ", "y z"}},
			"%20a b%20", "%20%20", "a %20", "%20x%20,y z",
		},
		{
			"no control character gets out",
			gateway.Identity{Username: "a\r\nX: y", UserID: "\x00", Email: "\t\x7f", Groups: []string{"a\nb", "\u2028"}},
			"a%0D%0AX: y", "%00", "%09%7F", "a%0Ab,%E2%80%A8",
		},
		{
			"bytes that are not UTF-8 are encoded one by one",
			gateway.Identity{Username: "\xff\x80"},
			"%FF%80", "", "", "",
		},
		{
			"a group without a name is left out",
			gateway.Identity{Groups: []string{"", "a", "", "b"}},
			"", "", "", "a,b",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := map[string]string{"Remote-User": tt.user, "Remote-User-Id": tt.id, "Remote-Email": tt.email, "Remote-Groups": tt.groups}
			if diff := cmp.Diff(want, headers(tt.identity)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestIdentityHeadersFitIntoABuffer(t *testing.T) {
	t.Parallel()
	const most = 3 << 10
	long := strings.Repeat("g", 149)
	groups := make([]string, 0, 100)
	for i := range 100 {
		groups = append(groups, long+string(rune('a'+i%26)))
	}
	got := headers(gateway.Identity{Username: strings.Repeat("日", 150), UserID: "42", Email: "a@example.com", Groups: groups})
	if len(got["Remote-User"]) != 9*150 {
		t.Errorf("a name of Django's full length has %d bytes", len(got["Remote-User"]))
	}
	listed := strings.Split(got["Remote-Groups"], ",")
	if diff := cmp.Diff(groups[:len(listed)], listed); diff != "" || len(listed) < 5 {
		t.Errorf("the groups are not the first of the list:\n%s", diff)
	}
	total := 0
	for _, value := range got {
		total += len(value)
	}
	if total > most || total < most-len(long)-1 {
		t.Errorf("%d bytes of %d", total, most)
	}

	got = headers(gateway.Identity{Username: strings.Repeat("x", most+1), UserID: "42", Groups: []string{"a", strings.Repeat("y", most), "b"}})
	want := map[string]string{"Remote-User": "", "Remote-User-Id": "42", "Remote-Email": "", "Remote-Groups": "a"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what does not fit is not left out whole:\n%s", diff)
	}
}

func TestIdentityOfAUser(t *testing.T) {
	t.Parallel()
	access := djangosession.Access{Groups: []string{"editors"}}
	_, got := gateway.Requirements{}.Decide(ada, access)
	want := gateway.Identity{Username: "ada", UserID: "42", Email: "ada@example.com", Groups: []string{"editors"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	access.Groups[0] = "changed"
	if got.Groups[0] != "editors" {
		t.Error("the identity shares the groups of the access, which may be cached")
	}
	_, got = gateway.Requirements{}.Decide(&djangosession.User{ID: "7"}, djangosession.Access{})
	if diff := cmp.Diff(gateway.Identity{UserID: "7"}, got); diff != "" {
		t.Errorf("what is NULL is not empty:\n%s", diff)
	}
}

// FuzzHeaders: whatever the database has, values are printable ASCII without spaces at the ends, and decode to it.
func FuzzHeaders(f *testing.F) {
	f.Add("ada", "42", "a@b", "x", "y,z")
	f.Add("a\r\nb", " ", "%", ",", "")
	f.Add("Zoë", "\x00\xff", "a%2", "  ", "\u2028")
	f.Fuzz(func(t *testing.T, user, id, email, one, two string) {
		i := gateway.Identity{Username: user, UserID: id, Email: email, Groups: []string{one, two}}
		total := 0
		for _, h := range i.Headers() {
			total += len(h.Value)
			for n := range len(h.Value) {
				if c := h.Value[n]; c < ' ' || c > '~' {
					t.Fatalf("%s has the byte %#x", h.Name, c)
				}
			}
			if strings.TrimSpace(h.Value) != h.Value {
				t.Fatalf("%s: %q loses spaces", h.Name, h.Value)
			}
		}
		if total > 3<<10 {
			t.Fatalf("%d bytes", total)
		}
		got := headers(i)
		for name, want := range map[string]string{"Remote-User": user, "Remote-User-Id": id, "Remote-Email": email} {
			if decoded, err := url.PathUnescape(got[name]); err != nil || decoded != want && got[name] != "" {
				t.Fatalf("%s: %q is %q, %v", name, got[name], decoded, err)
			}
		}
		if one == "" || two == "" || total > 2<<10 || len(user)+len(id)+len(email)+len(one)+len(two) > 1000 {
			return
		}
		names := strings.Split(got["Remote-Groups"], ",")
		for n, want := range []string{one, two} {
			if decoded, err := url.PathUnescape(names[n]); err != nil || decoded != want || len(names) != 2 {
				t.Fatalf("%q is %q, %v", names, decoded, err)
			}
		}
	})
}
