package sidecar

import (
	"context"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/check"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/verdictcache"
)

// newChain makes what a question goes through, once the deployment is there. From the top down:
//
//	check.Service             reads the session key, and tells the log and the metrics what came of it
//	verdictcache.Cache        keeps verdicts and permissions, if SIDECAR_CACHE_TTL says so; otherwise check.Uncached
//	replicaFirst              asks a replica before the primary, if DATABASE_REPLICA_URL names one: never with the cache
//	djangosession.Verifier    Django's rules
//	observe's stores          time what is below, make spans if SIDECAR_TRACES says so, and fail at once while it does not answer
//	the stores                dbstore, cachestore, filestore, cookiestore: see openSessions and open
//
// The last four are of one deployment, and open puts them together. A changed secret makes another one, and l.use has
// the second ask that.
func (l *Live) newChain(login gateway.LoginURL) error {
	c, d := l.Config, l.Current()
	var asked interface {
		check.VerdictSource
		djangosession.AccessStore
	}
	if c.Cache.TTL == 0 {
		uncached := check.NewUncached(l.verdicts(d), d.permissions(), c.StoreTimeout)
		l.use = func(d *Deployment) { uncached.Use(l.verdicts(d), d.permissions()) }
		asked = uncached
	} else {
		cache, err := verdictcache.New(verdictcache.Config{
			Origin: d.verifier, Access: d.permissions(), Timeout: c.StoreTimeout,
			TTL: c.Cache.TTL, MaxAge: max(c.Cache.TTL, c.Cache.MaxAge), Entries: c.Cache.Entries, Now: time.Now,
		})
		if err != nil {
			return err
		}
		l.Metrics.Cache(cache.Stats)
		l.use = func(d *Deployment) { cache.Use(d.verifier, d.permissions()) }
		l.cache, asked = cache, cache
	}
	l.activity = newActivity(l)
	l.Answers = &check.Service{
		Verifier: asked, Access: asked, Login: login, CookieNames: c.SessionCookieNames, Cookies: CookieRules(c),
		NoPermissions: d.verifier.Permissions(), // no file can change it
		Observe:       l.Metrics.Verdict, Now: time.Now,
		Active: l.activity.told(), Answered: l.Answered, Audit: l.Audit,
	}
	return nil
}

// permissions finds what the deployment's users may do.
func (d *Deployment) permissions() djangosession.AccessStore {
	if d.access == nil {
		return noAccess{}
	}
	return &observe.Accesses{Store: d.access, Watch: observe.Watch{
		Now: time.Now, Breaker: d.accessBreaker, Span: d.span("load groups and permissions", "database"),
	}}
}

// noAccess is where users are not looked at.
type noAccess struct{}

// AccessOf implements djangosession.AccessStore.
func (noAccess) AccessOf(context.Context, string) (djangosession.Access, error) {
	return djangosession.Access{}, djangosession.ErrNoPermissionsMixin
}
