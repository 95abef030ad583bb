package sidecar

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/check"
	"django-sidecar/internal/config"
	"django-sidecar/internal/database"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/verdictcache"
)

// Live is a deployment that answers questions for as long as a program runs: another one takes its place when a secret
// changes. [NewLive] makes it, and Prepare opens it.
type Live struct {
	Config  *config.Config
	Logger  *slog.Logger
	Metrics *observe.Metrics
	Answers *check.Service // of Prepare
	// What follows is set before Prepare, or never. Spans traces questions to stores; Audit and Answered are those of
	// Answers.
	Spans    Spans
	Audit    *observe.Audit
	Answered func(cookies []string, v djangosession.Verdict)
	// Reloaded, if not nil, is told of changed secrets and certificates: that they are in force, or why they are not.
	Reloaded func(ctx context.Context, c *config.Config, err error)

	cache   *verdictcache.Cache        // nil where verdicts are not kept
	current atomic.Pointer[Deployment] // which a changed secret file replaces
	use     func(*Deployment)          // has questions asked of another one: see newChain
	closing sync.WaitGroup             // of deployments that have been replaced
	bounds  loginBounds

	activity *activity // nil where no expiry moves

	ballast []byte // which nobody writes to, so that it takes no memory
}

// ballastBytes has the garbage collector run less often where little is kept in memory, for it runs when the heap has
// doubled. A request that asks the stores costs a tenth less by it.
const ballastBytes = 8 << 20

// NewLive makes nothing but the Live.
func NewLive(c *config.Config, logger *slog.Logger, metrics *observe.Metrics) *Live {
	l := &Live{Config: c, Logger: logger, Metrics: metrics, ballast: make([]byte, ballastBytes)}
	if c.Write.Login {
		l.bounds = newLoginBounds(c.Login)
	}
	return l
}

// Current is the deployment that is asked now, nil where Prepare could not make one.
func (l *Live) Current() *Deployment { return l.current.Load() }

// Prepare makes the deployment, and what answers by it. It goes on after a fault, as far as it can, and returns all of
// them. It connects to nothing but to try the settings' conditions.
func (l *Live) Prepare(ctx context.Context) (faults []error) {
	c := l.Config
	add := func(setting string, err error) {
		if err != nil && setting != "" {
			err = fmt.Errorf("%s: %w", setting, err)
		}
		if err != nil {
			faults = append(faults, err)
		}
	}
	login, err := gateway.NewLoginURL(c.LoginURL, c.RedirectFieldName)
	add("DJANGO_LOGIN_URL", err)
	d, err := newDeployment(c, l.Metrics, l.Spans, l.reportSilent)
	add("", err)
	if err == nil {
		l.current.Store(d)
		add("", d.tryConditions(ctx))
		add("", l.newChain(login))
	}
	if c.Cache.ListenURL.Reveal() != "" {
		_, err = database.NewSubscriber(c.Cache.ListenURL.Reveal(),
			database.Options{Timeout: c.StoreTimeout, LookupEnv: os.LookupEnv})
		add("SIDECAR_CACHE_LISTEN_URL", err)
	}
	return faults
}

// Close ends what Prepare has made.
func (l *Live) Close(ctx context.Context) {
	d := l.Current()
	if d == nil {
		return
	}
	l.activity.close()
	if l.cache != nil {
		l.cache.Wait() // for what it asks
	}
	l.LogIfError(ctx, "closing the database", d.Close())
	l.closing.Wait()
}

// WatchInterval is how often secret files are looked at. They are small, and Kubernetes swaps them unannounced. What
// two looks have found counts, so that a change is in force within a second.
const WatchInterval = 250 * time.Millisecond

// Watch follows the files that secrets were read from, so that a rotated key works without a restart.
func (l *Live) Watch(ctx context.Context) {
	tick := time.NewTicker(WatchInterval)
	defer tick.Stop()
	l.Config.Watch(ctx, tick.C, func(c *config.Config, err error) {
		if err == nil {
			err = l.replace(ctx, c)
		}
		l.Metrics.Reloaded(err == nil)
		if l.Reloaded != nil {
			defer l.Reloaded(ctx, c, err)
		}
		if err != nil {
			l.Logger.WarnContext(ctx, "the settings could not be read again; the old ones stay in force",
				"error", err.Error())
			return
		}
		l.Logger.InfoContext(ctx, "the settings have been read again")
		l.TellKeys(ctx)
	})
}

// replace puts a new deployment in place of the current one, and has that closed once nobody can be using it.
func (l *Live) replace(ctx context.Context, c *config.Config) error {
	d, err := newDeployment(c, l.Metrics, l.Spans, l.reportSilent)
	if err != nil {
		return err
	}
	old := l.current.Swap(d)
	close(old.replaced)
	l.Metrics.NoStoreSilent() // as far as the new one knows
	l.use(d)
	for _, db := range old.databases() {
		db.SetMaxIdleConns(0) // at once: where secrets change often, there would be many
	}
	l.closing.Go(func() {
		<-time.After(old.config.StoreTimeout + time.Second) // what a question may take; also while we stop
		old.held.Lock()
		defer old.held.Unlock()
		l.LogIfError(ctx, "closing the old database connections", old.Close())
	})
	return nil
}

// hold is the current deployment for what may take longer than a question: a login makes hashes, and an update calls
// the program. Nobody closes the deployment until release is called.
func (l *Live) hold() (d *Deployment, release func()) {
	for {
		d := l.current.Load()
		if !d.held.TryRLock() { // it is being closed, and another one is in its place
			continue
		}
		if l.current.Load() == d {
			return d, d.held.RUnlock
		}
		d.held.RUnlock()
	}
}

// reportSilent logs that a store does not answer, and that it does again.
func (l *Live) reportSilent(store string, silent bool) {
	l.Metrics.StoreSilent(store, silent)
	if silent {
		l.Logger.Warn("a store does not answer; it is asked four times a second, and requests that need it get a "+
			"503 at once until it answers", "store", store)
		return
	}
	l.Logger.Info("the store answers again", "store", store)
}

// LogIfError is for errors at the end, which change nothing any more.
func (l *Live) LogIfError(ctx context.Context, doing string, err error) {
	if err != nil {
		l.Logger.WarnContext(ctx, "an error at the end, which changes nothing any more",
			"doing", doing, "error", err.Error())
	}
}
