package djangosite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"sync/atomic"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/check"
	"django-sidecar/internal/config"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/sidecar"
)

// Site is a Django site, of which this program is a part. It is safe for concurrent use. The zero Site knows nobody,
// and answers 503. Close ends it.
type Site struct {
	// RefusalPage, if not nil, makes the page in place of the JSON of a refusal: a status of 400 and above, of the
	// Require… middleware, Load and CSRF. message is that of the JSON, which has the origin that a client wrote: escape it.
	// [User] knows who was refused, if anybody is known. nil leaves the JSON, as for a script. Set it before the first
	// request.
	RefusalPage func(r *http.Request, status int, message string) (html []byte)

	source source
	logger *slog.Logger

	redirectField string // REDIRECT_FIELD_NAME

	late atomic.Bool // a cookie that was set too late has been logged
}

// source finds out.
type source interface {
	// verify gives the verdict on Cookie headers.
	verify(ctx context.Context, cookies []string) (djangosession.Verdict, error)
	// judge decides about a request, of which v is the verdict.
	judge(ctx context.Context, q check.Question, v djangosession.Verdict) check.Answer
	ready(ctx context.Context) error
	close()
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
	return &Site{source: local{l}, logger: logger, redirectField: c.RedirectFieldName}, nil
}

// Ready asks the stores what a verdict would, or the sidecar whether it answers. nil says that they can.
func (s *Site) Ready(ctx context.Context) error {
	if s == nil || s.source == nil {
		return errZero
	}
	return s.source.ready(ctx)
}

// Close ends what the site runs in the background, waits for it, and closes its connections. No request may be running
// through the site any more.
func (s *Site) Close() {
	if s != nil && s.source != nil {
		s.source.close()
	}
}

var errNoVersion = errors.New("DjangoVersion is missing in Settings: say which Django the site runs, such as 5.2")

var errZero = errors.New("djangosite: the zero Site knows nobody: use FromEnv, Open or Ask")

// Verify gives the verdict on the Cookie headers of a request, for protocols other than HTTP. A verdict without a user
// has a reason. An error says that nobody could find out.
func (s *Site) Verify(ctx context.Context, cookies []string) (djangosession.Verdict, error) {
	if s == nil || s.source == nil {
		return djangosession.Verdict{}, errZero
	}
	v, err := s.source.verify(ctx, cookies)
	if err != nil {
		s.logger.WarnContext(ctx, "the login session could not be checked", "error", err.Error())
		return djangosession.Verdict{}, err
	}
	return v, nil
}

// local asks in this process.
type local struct{ *sidecar.Local }

func (l local) verify(ctx context.Context, cookies []string) (djangosession.Verdict, error) {
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

func (l local) judge(ctx context.Context, q check.Question, v djangosession.Verdict) check.Answer {
	return l.Answers.Local(ctx, q, v)
}

func (l local) ready(ctx context.Context) error { return l.Ready(ctx) }
func (l local) close()                          { l.Close() }

// now is the clock of the verdicts.
func now() time.Time { return time.Now() } //nolint:forbidigo // a program has one
