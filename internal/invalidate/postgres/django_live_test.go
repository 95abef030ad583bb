//go:build live

package postgres

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/database"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/keyhash"
)

// django is a live Django that runs Python: testdata/changes.py.
type django struct{ talk *djangotest.Conversation }

type deployment struct {
	version  string
	database map[string]any
	settings map[string]any
	apps     []string
	path     []string // where Python finds them
}

func startDjango(t *testing.T, d deployment) *django {
	t.Helper()
	cmd := exec.Command(djangotest.Python(t, d.version), "testdata/changes.py")
	dj := &django{djangotest.Converse(t, "Django "+d.version, cmd)}
	dj.send(t, map[string]any{"database": d.database, "settings": d.settings, "apps": d.apps, "path": d.path})
	return dj
}

func (d *django) send(t *testing.T, request map[string]any) any {
	t.Helper()
	var outcome struct {
		Answer any
		Error  string
	}
	d.talk.Ask(t, request, &outcome)
	if outcome.Error != "" {
		t.Fatalf("Django, %v: %s", request["run"], outcome.Error)
	}
	return outcome.Answer
}

// run runs Python, then returns the value of an expression.
func (d *django) run(t *testing.T, code, answer string) any {
	t.Helper()
	return d.send(t, map[string]any{"run": code, "answer": answer})
}

// text is run for a text.
func (d *django) text(t *testing.T, code, answer string) string {
	t.Helper()
	text, ok := d.run(t, code, answer).(string)
	if !ok {
		t.Fatalf("%s is no text", answer)
	}
	return text
}

// ear hears what is sent, in order.
type ear struct {
	db    *djangotest.TestDatabase
	conn  *database.Notifications
	heard []string
}

const liveTimeout = 30 * time.Second

func hear(t *testing.T, db *djangotest.TestDatabase) *ear {
	t.Helper()
	l, err := database.NewSubscriber(db.URL(), database.Options{Timeout: liveTimeout})
	if err != nil {
		t.Fatal(err)
	}
	e := &ear{db: db}
	if e.conn, err = l.Connect(t.Context(), func(_, payload string) { e.heard = append(e.heard, payload) }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.conn.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := e.conn.Listen(t.Context(), Channel); err != nil {
		t.Fatal(err)
	}
	return e
}

// since returns what was heard after the last call. PostgreSQL sends notifications in the order of commits.
func (e *ear) since(t *testing.T) []string {
	t.Helper()
	e.db.Exec(t, "SELECT pg_notify('"+Channel+"', 'end')")
	ctx, cancel := context.WithTimeout(t.Context(), liveTimeout)
	defer cancel()
	for !slices.Contains(e.heard, "end") {
		if _, err := e.conn.Wait(ctx, time.Now().Add(liveTimeout)); err != nil {
			t.Fatal(err)
		}
		if _, err := e.conn.Ask(ctx, ";"); err != nil {
			t.Fatal(err)
		}
	}
	heard := e.heard[:slices.Index(e.heard, "end")]
	e.heard = nil
	return heard
}

func mustText(t *testing.T) func(text string, err error) string {
	return func(text string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
}

var authTables = Tables{
	Sessions: "django_session", Users: "auth_user", UserID: "id",
	UserColumns: []string{"password", "is_active", "username", "email", "is_staff", "is_superuser"},
}

var memberTables = Tables{
	Sessions: "the shop.django_session", Users: "the shop.Our Members", UserID: "Member Id",
	UserColumns: []string{"password", "is_active", "E Mail", "is_superuser"},
}

// memberDeployment is one with names that need quotes, in a schema.
func memberDeployment(db *djangotest.TestDatabase) deployment {
	database := db.Django()
	database["OPTIONS"] = map[string]any{"options": `-c search_path="the\ shop"`}
	return deployment{
		version: "5.2", database: database, apps: []string{"people"},
		settings: map[string]any{"AUTH_USER_MODEL": "people.Member"},
	}
}

// A step is Python that makes a change, what goes before it, and the payloads that it is to send, as Python too.
type step struct{ before, does, told string }

var steps = []step{
	{"key = login(user)", `user.last_login = timezone.now(); user.save(update_fields=["last_login"])`, `[]`},
	{"", `user.save()`, `[]`},
	{"", `User.objects.filter(pk=user.pk).update(last_login=timezone.now())`, `[]`},
	{"", `s = Store(key); s["cart"] = [1]; s.save()`, `["1 s " + sha(key)]`},
	{"", `Session.objects.filter(pk=key).update(expire_date=timezone.now())`, `["1 s " + sha(key)]`},
	{"key = login(user)", `r = request_of(key); r.session.cycle_key()`, `["1 s " + sha(key)]`},
	{"key = login(user)", `auth.logout(request_of(key))`, `["1 s " + sha(key)]`},
	{"key = login(user)", `Store(key).flush()`, `["1 s " + sha(key)]`},
	{"key = login(user)", `Session.objects.filter(pk=key).delete()`, `["1 s " + sha(key)]`},
	{"", `Session.objects.filter(pk="there is none").delete()`, `[]`},
	{"", `user.set_password("new"); user.save()`, `["1 u " + str(user.pk)]`},
	{"", `user.is_active = False; user.save()`, `["1 u " + str(user.pk)]`},
	{"", `User.objects.update(is_active=True)`, `["1 u " + str(user.pk)]`},
	{"", `user.email = "other@example.com"; user.save(update_fields=["email"])`, `["1 u " + str(user.pk)]`},
	{"", `user.is_superuser = True; user.save()`, `["1 u " + str(user.pk)]`},
	{"", `group = Group.objects.create(name="editors")`, `["1 a"]`},
	{"", `user.groups.add(group)`, `["1 u " + str(user.pk)]`},
	{"", `user.groups.remove(group)`, `["1 u " + str(user.pk)]`},
	{"", `group.user_set.add(user)`, `["1 u " + str(user.pk)]`},
	{"", `user.groups.clear()`, `["1 u " + str(user.pk)]`},
	{"", `permission = Permission.objects.first(); user.user_permissions.add(permission)`, `["1 u " + str(user.pk)]`},
	{"", `user.user_permissions.clear()`, `["1 u " + str(user.pk)]`},
	{"", `group.permissions.add(permission)`, `["1 a"]`},
	{"", `group.permissions.clear()`, `["1 a"]`},
	{"", `group.name = "readers"; group.save()`, `["1 a"]`},
	{"", `permission.codename = "renamed"; permission.save()`, `["1 a"]`},
	{"", `with transaction.atomic():
    user.email = "third@example.com"; user.save()
    group.name = "writers"; group.save()`, `["1 u " + str(user.pk), "1 a"]`},
	{"", `
try:
    with transaction.atomic():
        user.email = "never@example.com"; user.save()
        raise KeyError
except KeyError:
    user.refresh_from_db()`, `[]`},
	{"Session.objects.all().delete(); keys = [login(user) for _ in range(3)]", `Session.objects.update(expire_date=timezone.now())`, `["1 s " + ",".join(sorted(sha(k) for k in keys))]`},
	{"", `call_command("clearsessions")`, `["1 s " + ",".join(sorted(sha(k) for k in keys))]`},
	{"expired(201)", `Session.objects.all().delete()`, `SPLIT`},
	{"expired(10000)", `call_command("clearsessions")`, `["1 *"]`},
	{"", `old = user.pk; user.delete()`, `["1 u " + str(old)]`},
	{"", `call_command("flush", interactive=False)`, `FLUSHED`},
}

func TestDjangosChanges(t *testing.T) {
	for _, tt := range []struct {
		name   string
		tables Tables
		of     func(*djangotest.TestDatabase) deployment
	}{
		{"Django 5.2", authTables, func(db *djangotest.TestDatabase) deployment {
			return deployment{version: "5.2", database: db.Django()}
		}},
		{"Django 1.11", authTables, func(db *djangotest.TestDatabase) deployment {
			return deployment{version: "1.11", database: db.Django()}
		}},
		{"UUIDs, a schema and names in quotes", memberTables, memberDeployment},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := djangotest.Postgres(t).Database(t)
			db.Exec(t, `CREATE SCHEMA "the shop"`)
			dj := startDjango(t, tt.of(db))
			exec := func(sql string) { t.Helper(); db.Exec(t, searchPath(tt.tables)+sql) }
			catalogue := func() string {
				return db.Exec(t, `SELECT proname FROM pg_proc WHERE proname LIKE 'django%' ORDER BY 1; SELECT count(*) FROM pg_proc;
					SELECT tgrelid::regclass, tgname FROM pg_trigger ORDER BY 1, 2`)
			}
			before := catalogue()
			script := mustText(t)(tt.tables.SQL(Script{Triggers: true}))
			exec(script)
			exec(script) // again
			e := hear(t, db)
			dj.run(t, `user = User(email="ada@example.com", password="x"); user.save()
def expired(n):
    Session.objects.bulk_create([Session(pk="k%031d" % i, session_data="", expire_date=timezone.now()) for i in range(n)])
FLUSHED, SPLIT = "flushed", "split"`, "")
			e.since(t)
			for _, s := range steps {
				dj.run(t, s.before, "")
				e.since(t)
				want := dj.run(t, s.does, s.told)
				compare(t, s.does, e.since(t), want)
			}
			exec(mustText(t)(tt.tables.SQL(Script{Triggers: true, Remove: true})))
			if after := catalogue(); after != before {
				t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

func searchPath(tables Tables) string {
	if schema, _, found := strings.Cut(tables.Users, "."); found {
		return `SET client_min_messages = warning; SET search_path = "` + schema + `";` + "\n"
	}
	return "SET client_min_messages = warning;\n"
}

// compare compares payloads; the order of sessions in one is not said.
func compare(t *testing.T, does string, heard []string, want any) {
	t.Helper()
	switch want {
	case "split":
		// Django deletes so many with one statement, or asks for them first and deletes them by key.
		sessions := map[keyhash.Hash]bool{}
		for _, payload := range heard {
			if len(payload) >= 8000 {
				t.Errorf("a payload of %d bytes", len(payload))
			}
			for _, hash := range parsePayload(payload).sessions {
				sessions[hash] = true
			}
		}
		if len(sessions) != 201 || len(heard) < 2 {
			t.Errorf("%s: %d sessions in %d payloads, want 201 in several", does, len(sessions), len(heard))
		}
		return
	case "flushed":
		if !slices.Contains(heard, "1 *") {
			t.Errorf("%s: heard %q, want everything", does, heard)
		}
		return
	}
	for i, payload := range heard {
		if list, ok := strings.CutPrefix(payload, "1 s "); ok {
			heard[i] = "1 s " + strings.Join(slices.Sorted(slices.Values(strings.Split(list, ","))), ",")
		}
	}
	if got, expected := fmt.Sprint(heard), fmt.Sprint(want); got != expected {
		t.Errorf("%s: heard %s, want %s", does, got, expected)
	}
}

// roleURL is the address of the database for the role.
func roleURL(t *testing.T, db *djangotest.TestDatabase, options string) string {
	t.Helper()
	u, err := url.Parse(db.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(RoleName, "pw")
	if options != "" {
		u.RawQuery += "&options=" + url.QueryEscape(options)
	}
	return u.String()
}
