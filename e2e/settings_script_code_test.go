//go:build live

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/settingsscript"
)

// classesOf are the middleware classes and functions of a module of the oracle.
func classesOf(t *testing.T, module string) []string { return namesIn(t, module, true) }

// backendsOf are the classes of a module of the oracle that are backends.
func backendsOf(t *testing.T, module string) []string { return namesIn(t, module, false) }

func namesIn(t *testing.T, module string, functions bool) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(djangotest.RepositoryPath(), "testdata", "oracle", "oracle_app", module+".py"))
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		name, isClass := strings.CutPrefix(line, "class ")
		if !isClass && functions {
			name, isClass = strings.CutPrefix(line, "def by_")
			name = "by_" + name
		}
		name, _, _ = strings.Cut(name, "(")
		if isClass && name != "Base" {
			paths = append(paths, "oracle_app."+module+"."+name)
		}
	}
	if len(paths) < 5 {
		t.Fatalf("%s has %q", module, paths)
	}
	return paths
}

// TestSettingsScriptReadsMiddleware: each way in which middleware may change the verdict is found in its source, though it does so for one
// path alone. What changes nothing is not taken for it.
func TestSettingsScriptReadsMiddleware(t *testing.T) {
	behind := []string{"django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware"}
	for _, version := range []string{"1.11", "6.1"} {
		django := profile{django: version, sqlite: true}.deploy(t)
		closing := append(classesOf(t, "closing"), classesOf(t, "hiding")...)
		if version != "1.11" {
			closing = append(closing, "oracle_app.walrus.ByWalrus", "oracle_app.walrus.ByMatch") // its Python knows no such words
		}
		printed := runSettingsScript(t, django, t.TempDir(), map[string]any{"MIDDLEWARE": append(behind, closing...)})
		last := lastLine(printed)
		if strings.Contains(last, "no request could be tried") {
			t.Errorf("Django %s has not tried any", version)
		}
		for _, path := range closing {
			says := "middleware " + path + " may end logins"
			switch name := path[strings.LastIndex(path, ".")+1:]; {
			case strings.HasPrefix(name, "Refuses"):
				says = "middleware " + path + " may answer in place of the application"
			case name == "ByText" || name == "ByPairs" || name == "ByUnknown" || strings.HasPrefix(name, "ByUnknownGetter") || name == "ByUnknownName" || strings.HasPrefix(name, "ByUnknownRequest"):
				says = "middleware " + path + " gives the request to code that cannot be followed"
			}
			if !strings.Contains(last, says) || !strings.Contains(last, "with -accept "+path) {
				t.Errorf("Django %s does not say %q", version, says)
			}
		}
		if t.Failed() {
			t.Log(printed)
		}
		dir, harmless := t.TempDir(), classesOf(t, "harmless")
		printed = runSettingsScript(t, django, dir, map[string]any{"MIDDLEWARE": append(behind, harmless...)})
		if lastLine(printed) != "ready" || !strings.Contains(printed, "harmless.TurnedOff was read with USE_X_FORWARDED_PORT=False") {
			t.Errorf("Django %s, of what is harmless:\n%s", version, printed)
		}
		// What a setting turns off is not of those that check need not name.
		read := slices.DeleteFunc(harmless, func(path string) bool { return strings.HasSuffix(path, ".TurnedOff") })
		written, err := os.ReadFile(filepath.Join(dir, "django-sidecar.env"))
		if !strings.Contains(string(written), "\nSIDECAR_MIDDLEWARE_READ="+strings.Join(read, ",")+"\n") {
			t.Errorf("Django %s has not written what it has read: %v\n%s", version, err, written)
		}
	}
}

// TestSettingsScriptReadsBackends: a get_user() that decides by anything but is_active is found in its source, though it has found each user who
// was made. What finds users as Django's own backends do is not taken for it.
func TestSettingsScriptReadsBackends(t *testing.T) {
	const backends = "AUTHENTICATION_BACKENDS"
	for _, version := range []string{"1.11", "6.1"} {
		django := profile{django: version, sqlite: true, settings: map[string]any{"AUTH_USER_MODEL": "oracle.MailUser"}}.deploy(t)
		finding := backendsOf(t, "finding")
		printed := runSettingsScript(t, django, t.TempDir(), map[string]any{backends: append([]string{"django.contrib.auth.backends.ModelBackend"}, finding...)})
		for _, path := range finding {
			if says := "sessions through " + path + " are nobody's: its get_user() "; !strings.Contains(lastLine(printed), says) {
				t.Errorf("Django %s does not say %q", version, says)
			}
		}
		if !strings.Contains(lastLine(printed), `finding.py:35 has return super(ByKey, self).get_user(user_id) if int(user_id) < 10**7 else None. If`) {
			t.Error("no file and line")
		}
		if t.Failed() {
			t.Log(printed)
		}
		dir, understood := t.TempDir(), backendsOf(t, "understood")
		printed = runSettingsScript(t, django, dir, map[string]any{backends: understood})
		written, err := os.ReadFile(filepath.Join(dir, "django-sidecar.env"))
		if err != nil || lastLine(printed) != "ready" {
			t.Fatalf("Django %s, of what is understood: %v\n%s", version, err, printed)
		}
		for _, path := range understood {
			rule := "active"
			if strings.HasPrefix(path, "oracle_app.understood.Any") {
				rule = "any"
			}
			if says := fmt.Sprintf(`"%s": "%s`, path, rule); !strings.Contains(string(written), says) {
				t.Errorf("no %s in\n%s", says, written)
			}
		}
		// Django's own user model has its manager of a base that is abstract.
		plain := profile{django: version, sqlite: true}.deploy(t)
		printed = runSettingsScript(t, plain, t.TempDir(), map[string]any{backends: []string{"django.contrib.auth.backends.ModelBackend", "oracle_app.understood.AnyStatic"}})
		if lastLine(printed) != "ready" {
			t.Errorf("Django %s, of its own user model:\n%s", version, printed)
		}
	}
}

// TestSettingsScriptReadsFlags: what an is_active, a hash or a manager decides by that is no column is found in its source.
func TestSettingsScriptReadsFlags(t *testing.T) {
	program, err := settingsscript.Program(settingsscript.Options{Format: "env", Directory: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"1.11", "6.1"} {
		django := profile{django: version, sqlite: true, settings: map[string]any{"AUTH_USER_MODEL": "oracle.MailUser"}}.deploy(t)
		printed, code := django.Run(strings.Replace(program, "\nmain()\n", flagsRead, 1))
		read := map[string]string{}
		if err := json.Unmarshal([]byte(lastLine(printed)), &read); err != nil || code != 0 || len(read) < 30 {
			t.Fatalf("Django %s: %v, code %d\n%s", version, err, code, printed)
		}
		for name, found := range read {
			columns, understood := strings.CutPrefix(found, "columns: ")
			want := "" // what the names of those that are understood end in
			if _, after, ok := strings.Cut(strings.TrimSuffix(name, "Manager"), "_of_"); ok {
				want = strings.ReplaceAll(after, "_and_", " ")
			}
			if understood != strings.Contains(name, "_of_") || understood && columns != want {
				t.Errorf("Django %s, %s: %s", version, name, found)
			}
		}
	}
}

// flagsRead prints what is read of each attribute of the classes of a module.
const flagsRead = `
set_up()
from oracle_app import flags
found = {}
for cls, reads in (
    (flags.Flags, lambda thing: read_property(user_model(), thing)),
    (flags.Hashes, lambda thing: read_property(user_model(), thing, False)),
):
    for name in sorted(n for n in vars(cls) if n[:1] != "_"):
        try:
            found[name] = "columns: " + " ".join(sorted(f.name for f in reads(vars(cls)[name])))
        except Unread as e:
            found[name] = str(e)
for name, cls in sorted(vars(flags).items()):
    if name.endswith("Manager") and cls.__module__ == flags.__name__:
        try:
            read_query(cls)
            found[name] = "columns: "
        except Unread as e:
            found[name] = str(e)
print(to_json(found))
`

// TestSettingsScriptAccepts: what the operator answers for is passed over, and written down. What has been seen to change the verdict is not.
func TestSettingsScriptAccepts(t *testing.T) {
	django := profile{django: "5.2", sqlite: true, settings: map[string]any{"AUTH_USER_MODEL": "oracle.MailUser"}}.deploy(t)
	const of = "oracle_app.behaviour."
	for _, row := range []struct{ item, accepted, last, written string }{
		{of + "EndsAtNight", of + "EndsAtNight", "ready; accepted by you: " + of + "EndsAtNight", "# Accepted with -accept " + of + "EndsAtNight: middleware " + of + "EndsAtNight may end logins"},
		{of + "WithoutSource", of + "WithoutSource", "ready; accepted by you: " + of + "WithoutSource", "cannot be read"},
		{"oracle_app.closing.RefusesByTable", "oracle_app.closing.RefusesByTable", "ready; accepted by you: oracle_app.closing.RefusesByTable", "may answer in place"},
		{of + "SendsBanned", of + "SendsBanned", "ready; accepted by you: " + of + "SendsBanned", "may answer in place"},
		{of + "TwoCookies", of + "TwoCookies", "ready; accepted by you: " + of + "TwoCookies", "DJANGO_SESSION_COOKIE_NAME=__Host-sessionid,sessionid"},
		{of + "FallsBack", of + "FallsBack", "not possible: middleware " + of + "FallsBack opens sessions by the cookies old_sessionid, sessionid, and ", ""},
		{of + "EndsBanned", of + "EndsBanned", "ready", `DJANGO_AUTH_USER_WHERE="banned" = 0`},
		{of + "EndsAll", of + "EndsAll", "not possible: middleware " + of + "EndsAll (", ""},
		{of + "EndsAtNight", of + "Harmless", "not possible: -accept " + of + "Harmless names no item of MIDDLEWARE", ""},
		{of + "Harmless", of + "Harmless", "ready", ""},
		{"oracle_app.finding.ByKey", "oracle_app.finding.ByKey", "ready; accepted by you: oracle_app.finding.ByKey", "# Accepted with -accept oracle_app.finding.ByKey: its get_user() does more"},
		{of + "Remembering", of + "Remembering", "not possible: none of AUTHENTICATION_BACKENDS", ""},
	} {
		dir := t.TempDir()
		changed := map[string]any{"MIDDLEWARE": behindDjangos(row.item)}
		if strings.HasPrefix(row.item, "oracle_app.finding.") || row.item == of+"Remembering" {
			changed = map[string]any{"AUTHENTICATION_BACKENDS": []string{row.item}}
		}
		printed := runSettingsScript(t, django, dir, changed, row.accepted)
		last := lastLine(printed)
		if !strings.HasPrefix(last, row.last) || strings.HasPrefix(row.last, "ready") && last != row.last {
			t.Errorf("%s, accepted %s: want %q\n%s", row.item, row.accepted, row.last, printed)
		}
		if row.written == "" {
			continue
		}
		written, err := os.ReadFile(filepath.Join(dir, "django-sidecar.env"))
		if err != nil || !strings.Contains(string(written), row.written) {
			t.Errorf("%s: no %q in %v\n%s", row.item, row.written, err, written)
		}
	}
}

// TestSettingsScriptOfPatchedDjango: what a project puts in the place of a function of Django's is found. What only watches it is let be.
func TestSettingsScriptOfPatchedDjango(t *testing.T) {
	harmful := map[string]string{
		"django.contrib.auth.get_user":                                            "lambda request: whole(request)",
		"django.contrib.auth.middleware.get_user":                                 "lambda request: whole(request)",
		"django.contrib.auth.load_backend":                                        "lambda path: whole(path)",
		"django.contrib.auth.constant_time_compare":                               "lambda a, b: whole(a, b)",
		"django.contrib.auth.middleware.SimpleLazyObject":                         "type('Lazy', (whole,), {})",
		"django.contrib.auth.middleware.AuthenticationMiddleware.process_request": "lambda self, request: whole(self, request)",
		"django.contrib.sessions.middleware.SessionMiddleware.process_request":    "lambda self, request: whole(self, request)",
		"django.contrib.auth.backends.ModelBackend.get_user":                      "lambda self, pk: whole(self, pk)",
		"django.contrib.sessions.backends.db.SessionStore.load":                   "lambda self: whole(self)",
		"django.contrib.sessions.backends.base.SessionBase.__getitem__":           "lambda self, key: whole(self, key)",
		"django.contrib.auth.base_user.AbstractBaseUser.get_session_auth_hash":    "lambda self: whole(self)",
		"django.contrib.auth.base_user.AbstractBaseUser.is_authenticated":         "property(lambda self: True)",
		"django.contrib.auth.models.User.__getattribute__":                        "lambda self, name: object.__getattribute__(self, name)",
		"django.utils.crypto.salted_hmac":                                         "functools.partial(whole)",
		"django.utils.timezone.now":                                               "lambda: whole()",
		"django.db.models.query.QuerySet.get":                                     "lambda self, *a, **k: whole(self, *a, **k)",
		"django.http.cookie.parse_cookie":                                         "lambda text: whole(text)",
	}
	harmless := map[string]string{
		"django.conf.settings":                      "held(whole)",
		"django.contrib.auth.settings":              "held(whole)",
		"django.contrib.auth.get_user":              "watched(whole)",
		"django.contrib.auth.login":                 "lambda *a, **k: whole(*a, **k)",
		"django.db.models.query.QuerySet._clone":    "kept(whole)",
		"django.contrib.auth.models.User.full_name": "property(lambda self: self.username)",
	}
	for _, version := range []string{"1.11", "6.1"} {
		django := profile{django: version, sqlite: true}.deploy(t)
		printed := patched(t, django, harmful)
		for target := range harmful {
			if says := "the project has replaced " + target + ", by which Django finds users: "; !strings.Contains(lastLine(printed), says) {
				t.Errorf("Django %s does not say %q", version, says)
			}
		}
		if t.Failed() {
			t.Log(printed)
		}
		if printed := patched(t, django, harmless); lastLine(printed) != "ready" {
			t.Errorf("Django %s, of what is harmless:\n%s", version, printed)
		}
		for _, item := range []string{"Patches", "PatchesLate"} {
			printed := runSettingsScript(t, django, t.TempDir(), map[string]any{"MIDDLEWARE": behindDjangos("oracle_app.behaviour." + item)})
			django.Run("from oracle_app import nights\nnights.auth.get_user = nights.djangos")
			if !strings.Contains(lastLine(printed), "the project has replaced django.contrib.auth.get_user, by which Django finds users: ") {
				t.Errorf("Django %s, %s:\n%s", version, item, printed)
			}
		}
	}
}

// TestSettingsScriptOfServers: what the modules of WSGI_APPLICATION and ASGI_APPLICATION put in the place of a function of Django is read in
// their source, since no shell imports them.
func TestSettingsScriptOfServers(t *testing.T) {
	for _, version := range []string{"1.11", "6.1"} {
		django := profile{django: version, sqlite: true}.deploy(t)
		for _, row := range []struct{ setting, module, says string }{
			{"WSGI_APPLICATION", "direct", "django.contrib.auth.get_user, by which Django finds users: "},
			{"WSGI_APPLICATION", "by_module", "django.contrib.auth.backends.ModelBackend., by which Django finds users: "},
			{"WSGI_APPLICATION", "by_package", "django.contrib.auth.load_backend, by which Django finds users: "},
			{"WSGI_APPLICATION", "by_call", "django.contrib.auth.get_user, by which Django finds users: "},
			{"ASGI_APPLICATION", "asgi", "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash, by which Django finds users: "},
			{"WSGI_APPLICATION", "harmless", ""},
			{"WSGI_APPLICATION", "missing", ""},
			{"WSGI_APPLICATION", "by_exit", ""},
			{"WSGI_APPLICATION", "by_exit_and_patch", "django.contrib.auth.get_user, by which Django finds users: "},
		} {
			printed := runSettingsScript(t, django, t.TempDir(), map[string]any{row.setting: "oracle_app.served." + row.module + ".application"})
			last := lastLine(printed)
			if row.says == "" && last != "ready" || row.says != "" && !strings.Contains(last, "not possible: a server replaces "+row.says) {
				t.Errorf("Django %s, %s: want %q\n%s", version, row.module, row.says, printed)
			}
		}
		printed := runSettingsScript(t, django, t.TempDir(), map[string]any{"WSGI_APPLICATION": "oracle_app.served.much.application"})
		if says := "note: a server imports and calls more than this program reads: what oracle_app.deep does "; lastLine(printed) != "ready" || !strings.Contains(printed, says) {
			t.Errorf("Django %s does not say %q\n%s", version, says, printed)
		}
		property := map[string]string{"django.core.handlers.wsgi.WSGIRequest.user": "property(lambda self: None, lambda self, user: None)"}
		if printed := patched(t, django, property); !strings.Contains(lastLine(printed), "the project has put user on django.core.handlers.wsgi.WSGIRequest: ") {
			t.Errorf("Django %s:\n%s", version, printed)
		}
	}
}

// behindDjangos is a MIDDLEWARE with an item of a project's own.
func behindDjangos(item string) []string {
	return []string{"django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware", item}
}

// patched runs the program while something is put in the place of names; whole is what was there.
func patched(t *testing.T, django *djangotest.Django, patches map[string]string) string {
	t.Helper()
	program, err := settingsscript.Program(settingsscript.Options{Format: "dotenv", Directory: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(patches)
	if err != nil {
		t.Fatal(err)
	}
	printed, _ := django.Run(fmt.Sprintf(`
import functools, json, sys
import django.contrib.auth.middleware, django.contrib.sessions.middleware
space = {"functools": functools, "__name__": "shop"}
exec(compile("""
def watched(whole):
    @functools.wraps(whole)
    def wrapper(*a, **k):
        return whole(*a, **k)
    return wrapper
""", "/srv/site-packages/sentry_sdk/integrations.py", "exec"), space)
def kept(whole):
    queryset = {"original": whole}
    exec(compile("def clone(self, **k): return original(self, **k)", "/srv/site-packages/strawberry_django/queryset.py", "exec"), queryset)
    return queryset["clone"]
space["kept"] = kept
class Held(object): # what dynaconf has in the place of Django's settings
    __module__ = "dynaconf.base"
    def __init__(self, whole): self.__dict__["whole"] = whole
    def __getattr__(self, name): return getattr(self.whole, name)
    def __setattr__(self, name, value): setattr(self.whole, name, value)
    def __delattr__(self, name): delattr(self.whole, name)
    def __dir__(self): return dir(self.whole)
space["held"] = lambda whole, made=[]: (made or made.append(Held(whole)) or made)[0]
missing, undo = object(), []
for target, put in json.loads(%q).items():
    owner, names = None, target.split(".")
    for n in range(1, len(names)):
        try:
            __import__(".".join(names[:n]))
            owner = sys.modules[".".join(names[:n])]
        except ImportError:
            owner = getattr(owner, names[n - 1])
    there = vars(owner).get(names[-1], missing)
    undo.append((owner, names[-1], there))
    setattr(owner, names[-1], eval(put, dict(space, whole=there)))
try:
    exec(%q, {})
finally:
    for owner, name, there in undo:
        delattr(owner, name) if there is missing else setattr(owner, name, there)
`, text, program))
	return printed
}

// TestSettingsScriptOfWhatDjangoRuns: what routers and receivers of signals decide by is looked at, since they run whenever a user is loaded.
func TestSettingsScriptOfWhatDjangoRuns(t *testing.T) {
	django := profile{django: "5.2", sqlite: true}.deploy(t)
	for _, row := range []struct{ router, receiver, says string }{
		{"ByThread", "", "not possible: db_for_read ("},
		{"ByTable", "", "ready"},
		{"ByChance", "", "ready"},
		{"", "locked", "decides by cache: "},
		{"", "closed", "decides by os: "},
		{"", "wrapped", "decides by os: "},
		{"", "deep", "decides by os: "},
		{"", "counted", "decides by os: "},
		{"", "quiet", "ready"},
		{"", "labelled", "ready"},
	} {
		settings := map[string]any{}
		if row.router != "" {
			settings["DATABASE_ROUTERS"] = []string{"oracle_app.road." + row.router}
		}
		connect := "from oracle_app import road\nfrom django.db.models import signals\n"
		if row.receiver != "" {
			django.Run(connect + "signals.post_init.connect(road." + row.receiver + ")")
		}
		printed := runSettingsScript(t, django, t.TempDir(), settings)
		if row.receiver != "" {
			django.Run(connect + "signals.post_init.disconnect(road." + row.receiver + ")")
		}
		last := lastLine(printed)
		if !strings.Contains(last, row.says) || row.says == "ready" && last != row.says || row.router == "ByChance" && !strings.Contains(printed, "all the databases must have the same rows") {
			t.Errorf("%s%s: want %q\n%s", row.router, row.receiver, row.says, printed)
		}
	}
}

// TestSettingsScriptOfStores: whatever Django's get_user() asks of a session store is found when a project has it in its own way. The list
// is what Django's own code runs, sync and async, and not ours.
func TestSettingsScriptOfStores(t *testing.T) {
	program, err := settingsscript.Program(settingsscript.Options{Format: "dotenv", Directory: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	looks := strings.Replace(program, "\nmain()\n", storesByNames, 1)
	for _, version := range []string{"1.11", "3.2", "6.1"} {
		for _, engine := range []string{"db", "cached_db", "file", "signed_cookies"} {
			django := profile{django: version, sqlite: true, settings: map[string]any{"SESSION_ENGINE": "django.contrib.sessions.backends." + engine}}.deploy(t)
			printed, code := django.Run(looks)
			asked, missed, whole := strings.Cut(strings.TrimSpace(lastLine(printed)), "|")
			if code != 0 || !whole || !strings.Contains(asked, "load") || !strings.Contains(asked, "__getitem__") || missed != "" {
				t.Errorf("Django %s, %s: get_user() asks %q, of which these were let pass: %q\n%s", version, engine, asked, missed, printed)
			}
		}
	}
}

// storesByNames prints which methods of a store Django runs, and those of them that a store of a project's own may have unseen.
const storesByNames = `
def seen(run):
    found = set()
    def see(frame, event, arg):
        if event == "call" and isinstance(frame.f_locals.get("self"), store_class()):
            found.add(frame.f_code.co_name)
    sys.setprofile(see)
    try:
        run()
    finally:
        sys.setprofile(None)
    return found

set_up()
from django.contrib import auth
from django.contrib.auth import get_user
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

store, request = store_class(), HttpRequest()
known = store()
known["_auth_user_id"], known["_auth_user_backend"] = "1", settings.AUTHENTICATION_BACKENDS[0]
known.save()
def asks():
    request.session = store("k" * 32)
    get_user(request)
    request.session = store(known.session_key)
    get_user(request)
    request.session = store("k" * 32)
    request.session["_auth_user_id"] = "1"
    request.session["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[0]
    get_user(request)
    store("k" * 32).decode(store("k" * 32).encode({"a": 1}))
asked = seen(asks)
known.delete()
if hasattr(auth, "aget_user"):
    from asgiref.sync import async_to_sync
    def asks():
        request.session = store("k" * 32)
        async_to_sync(auth.aget_user)(request)
    asked |= seen(asks)
djangos = [c for c in store.__mro__ if is_djangos(c)]
missed = []
for name in sorted(n for n in asked if any(n in vars(c) for c in djangos)):
    own = type("SessionStore", (store,), {name: vars(store).get(name, getattr(store, name)), "__module__": "shop.sessions"})
    if name in ("__init__",):
        own.__init__ = lambda self, *a, **k: store.__init__(self, *a, **k)
    try:
        own_store_methods(Report(), own, False)
    except Impossible:
        continue
    missed.append(name)
# By their effect, elsewhere: which table, which signature, which folder, which words. And __setitem__, with which the session here is made. load() of signed cookies returns nothing behind create().
judged = ["create", "get_model_class", "model", "key_salt", "_get_storage_path", "encode", "serializer", "__setitem__"]
print(" ".join(sorted(asked)) + "|" + " ".join(n for n in missed if n not in judged))
`
