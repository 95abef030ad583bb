//go:build live

package e2e

import (
	"os"
	"testing"

	"django-sidecar/internal/djangotest"
)

// application is a real application made with Django. What it needs beside its package is in testdata/projects.
type application struct {
	name     string
	large    bool              // only with DJANGO_SIDECAR_APPLICATIONS=all
	database string            // sqlite, postgres or mariadb
	prepare  [][]string        // what makes the project
	shell    []string          // what runs a Python program that it gets by stdin
	env      map[string]string // of the application: {NAME} and the like are those of its database, {REDIS} is the URL of one

	// says is what the script has to say of the application, in order.
	says []string
	// stricter are the requirements that the script has said to be stricter than Django's: "perm", "group", or "user" where nobody passes.
	stricter []string
	// accept are items of MIDDLEWARE that have to be accepted.
	accept []string
	// impossible applications get no settings.
	impossible bool
}

var (
	djangoShell    = []string{"django-admin", "shell"}
	settingsModule = map[string]string{"DJANGO_SETTINGS_MODULE": "settings"}
)

var applications = []application{
	{
		name: "wagtail", database: "sqlite",
		prepare: [][]string{{"wagtail", "start", "shop", "."}, {"mv", "local.py", "shop/settings"}},
		shell:   []string{"python", "manage.py", "shell"},
	},
	{name: "oscar", database: "postgres", env: settingsModule, shell: djangoShell},
	{name: "djangocms", database: "mariadb", env: settingsModule, shell: djangoShell},
	{ // it logs staff out who may not edit the site
		name: "mezzanine", database: "sqlite", env: settingsModule, shell: djangoShell, impossible: true,
		says: []string{"not possible: middleware mezzanine.core.middleware.SitePermissionMiddleware", "core/middleware.py", "logout(request)"},
	},
	{ // it sends users away whose password is old, if passwords get old
		name: "openwisp", database: "postgres", env: settingsModule, shell: djangoShell,
		accept: []string{"openwisp_users.middleware.PasswordExpirationMiddleware"},
		says:   []string{"ready; accepted by you: openwisp_users.middleware.PasswordExpirationMiddleware"},
	},
	{ // who answers for it that nothing below /admin/ is behind the sidecar
		name: "mezzanine", database: "sqlite", env: settingsModule, shell: djangoShell,
		accept: []string{"mezzanine.core.middleware.SitePermissionMiddleware", "mezzanine.pages.middleware.PageMiddleware"},
		says:   []string{"ready; accepted by you: mezzanine.core.middleware.SitePermissionMiddleware, mezzanine.pages.middleware.PageMiddleware"},
	},
	{name: "accounts", database: "postgres", env: settingsModule, shell: djangoShell},
	{
		name: "tenants", database: "postgres", env: settingsModule,
		prepare: [][]string{{"sh", "-c", "django-admin shell < tenant.py"}},
		shell:   []string{"django-admin", "tenant_command", "shell", "--schema=one"},
	},
	{
		name: "pretalx", database: "postgres",
		env: map[string]string{
			"PRETALX_DB_TYPE": "postgresql", "PRETALX_DB_NAME": "{NAME}", "PRETALX_DB_USER": "{USER}", "PRETALX_DB_PASS": "{PASSWORD}",
			"PRETALX_DB_HOST": "{HOST}", "PRETALX_DB_PORT": "{PORT}", "PRETALX_REDIS": "{REDIS}",
		},
		shell:    []string{"python", "-m", "pretalx", "shell", "--unsafe-disable-scopes"},
		says:     []string{"ready but stricter: require=perm is refused", "person/models/user.py"},
		stricter: []string{"perm"},
	},
	{
		name: "coldfront", database: "sqlite",
		env:   map[string]string{"DB_URL": "sqlite:///{NAME}", "SECRET_KEY": "a coldfront's secret key"},
		shell: []string{"coldfront", "shell"},
	},
	{ // its backends find inactive users too, and a middleware logs them out
		name: "spirit", database: "mariadb", env: settingsModule, shell: djangoShell,
		prepare: [][]string{{"spirit", "startproject", "shop", "--path", "."}, {"django-admin", "createcachetable"}},
		says:    []string{"proved: middleware spirit.user.middleware.ActiveUserMiddleware (", "ends logins of users without: `is_active` = 1", "\nready"},
	},
	{ // it logs users out who are banned
		name: "misago", database: "postgres", large: true, env: settingsModule, shell: djangoShell, impossible: true,
		says: []string{"not possible: ", "middleware misago.users.middleware.UserMiddleware"},
	},
}

// TestApplications has real applications write the settings of a sidecar, starts it with them alone, and compares its verdicts with what
// Django says behind the application's own middleware.
func TestApplications(t *testing.T) {
	redis := djangotest.Redis(t, djangotest.RedisConfig{})
	for _, a := range applications {
		if a.large && os.Getenv("DJANGO_SIDECAR_APPLICATIONS") != "all" {
			continue
		}
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, a, "redis://"+redis.Addr+"/0")
			for _, command := range a.prepare {
				p.run(t, "", command...)
			}
			django := p.probe(t)
			if !p.writeSettings(t) {
				return
			}
			p.compare(t, p.serve(t), django)
		})
	}
}
