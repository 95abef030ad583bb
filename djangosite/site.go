package djangosite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync/atomic"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite/guard"
	"django-sidecar/internal/check"
	"django-sidecar/internal/config"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/sidecar"
)

// Site is a Django site, of which this program is a part. Its middleware is that of its [guard.Guard]: what takes a
// *guard.Guard takes &site.Guard. It is safe for concurrent use. The zero Site knows nobody, and answers 503. Close
// ends it.
type Site struct {
	guard.Guard

	deployment *sidecar.Local // nil for a site of Ask
	logger     *slog.Logger

	redirectField string // REDIRECT_FIELD_NAME

	late atomic.Bool // a cookie that was set too late has been logged
}

// Settings are what [Open] needs to know of the Django site. SecretKey, DatabaseURL and DjangoVersion are required,
// unless Env has them under their names there. A version that is wrong accepts other formats and hashes.
type Settings struct {
	SecretKey     string // SECRET_KEY
	DatabaseURL   string // as postgres://user:password@host/name, mysql:// or sqlite:////absolute/path
	DjangoVersion string // such as 5.2
	// Env has all other settings, by the names and with the defaults of docs/settings.md: "DJANGO_SESSION_ENGINE":
	// "django.contrib.sessions.backends.cached_db", "SIDECAR_CACHE_TTL": "5s". The process's own environment is not
	// looked at. Listeners and uploads are not used.
	Env map[string]string
	// Logger is told of stores that fail, of secrets that change, and of settings that are odd; nil: nobody is.
	Logger *slog.Logger
}

// FromEnv opens the site that the process's environment describes, in the settings of django-sidecar. The logger of
// [Settings] is slog.Default.
func FromEnv(ctx context.Context) (*Site, error) {
	c, err := config.FromProcess()
	if err != nil {
		return nil, err
	}
	return open(ctx, c, slog.Default())
}

// Open opens a site. An error has all that is wrong with the settings, and says what to do. Open connects to nothing:
// see [Site.Ready].
func Open(ctx context.Context, s Settings) (*Site, error) {
	env := maps.Clone(s.Env)
	if env == nil {
		env = map[string]string{}
	}
	var faults []error
	for name, value := range map[string]string{
		"DJANGO_SECRET_KEY": s.SecretKey, "DATABASE_URL": s.DatabaseURL, "DJANGO_VERSION": s.DjangoVersion,
	} {
		if value != "" && env[name] != "" {
			faults = append(faults, fmt.Errorf("%s is in Settings and in its Env: keep one of them", name))
		}
		if value != "" {
			env[name] = value
		}
	}
	if env["DJANGO_VERSION"] == "" {
		faults = append(faults, errNoVersion)
	}
	c, err := config.From(env)
	if err := errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	return open(ctx, c, s.Logger)
}

func open(ctx context.Context, c *config.Config, logger *slog.Logger) (*Site, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	l, err := sidecar.OpenLocal(ctx, c, logger)
	if err != nil {
		return nil, err
	}
	return &Site{
		Guard: guard.New(local{l}, l.Answers.Login, logger), deployment: l, logger: logger, redirectField: c.RedirectFieldName,
	}, nil
}

// AskOptions are for [Ask].
type AskOptions guard.AskOptions

// Ask is [guard.Ask] for a Site. It knows who is logged in; what needs the site's settings or tables is an error, and
// CSRF panics. A program that always asks a sidecar links less with [guard.Ask].
func Ask(sidecarURL string, o AskOptions) (*Site, error) {
	o.RedirectFieldName = cmp.Or(o.RedirectFieldName, "next")
	g, err := guard.Ask(sidecarURL, guard.AskOptions(o))
	if err != nil {
		return nil, err
	}
	return &Site{Guard: *g, redirectField: o.RedirectFieldName}, nil
}

var errNoVersion = errors.New("DjangoVersion is missing in Settings: say which Django the site runs, such as 5.2")

// local asks in this process.
type local struct{ *sidecar.Local }

// Verify implements middleware.Source.
func (l local) Verify(ctx context.Context, cookies []string) (djangosession.Verdict, error) {
	var e observe.Event
	v, out := l.Answers.Verify(ctx, cookies, now(), &e)
	if out == check.Unavailable {
		if e.Err == nil {
			e.Err = errors.New("the session could not be checked")
		}
		return djangosession.Verdict{}, e.Err
	}
	return v, nil
}

// Access implements middleware.Source.
func (l local) Access(
	ctx context.Context, _ []string, user *djangosession.User, demands gateway.Requirements,
) (djangosession.Access, error) {
	return l.Answers.AccessOf(ctx, user, demands)
}

// now is the clock of the verdicts.
func now() time.Time { return time.Now() } //nolint:forbidigo // a program has one
