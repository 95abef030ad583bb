package sidecar

import (
	"context"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/breaker"
	"django-sidecar/internal/check"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/verdictcache"
)

// newChain makes what a question goes through, once the deployment is there. From the top down:
//
//	check.Service             reads the session key, and tells the log and the metrics what came of it
//	verdictcache.Cache        keeps verdicts and permissions, if SIDECAR_CACHE_TTL says so; otherwise check.Uncached
//	observe.CountedVerifier   counts the keys of session auth hashes
//	djangosession.Verifier    Django's rules
//	observe's stores          time what is below, and count the keys of signatures
//	breaker's stores          fail at once while a store does not answer
//	the stores                dbstore, cachestore, filestore, cookiestore: see openSessions and open
//
// The last five are of one deployment, and open puts them together. A changed secret makes another one, and sc.use has
// the second ask that.
func (sc *sidecar) newChain(login gateway.LoginURL) error {
	c, d := sc.config, sc.current.Load()
	var asked interface {
		check.VerdictSource
		djangosession.AccessStore
	}
	if c.Cache.TTL == 0 {
		uncached := check.NewUncached(d.verdicts, d.accessStore(), c.StoreTimeout)
		sc.use = func(d *Deployment) { uncached.Use(d.verdicts, d.accessStore()) }
		asked = uncached
	} else {
		cache, err := verdictcache.New(verdictcache.Config{
			Origin: d.verdicts, Access: d.accessStore(), Timeout: c.StoreTimeout,
			TTL: c.Cache.TTL, MaxAge: max(c.Cache.TTL, c.Cache.MaxAge), Entries: c.Cache.Entries, Now: time.Now,
		})
		if err != nil {
			return err
		}
		sc.metrics.Cache(cache.Stats)
		sc.use = func(d *Deployment) { cache.Use(d.verdicts, d.accessStore()) }
		sc.cache, asked = cache, cache
	}
	sc.answers = &check.Service{
		Verifier: asked, Access: asked, Login: login, CookieNames: c.SessionCookieNames, Cookies: CookieRules(c),
		NoPermissions: d.verifier.Permissions(), // no file can change it
		Observe:       sc.metrics.Verdict, Now: time.Now,
	}
	sc.newShadow()
	return nil
}

// verdicts is a djangosession.Verifier, or one whose keys are counted.
type verdicts interface {
	verdictcache.Origin
	Verify(ctx context.Context, sessionKey string) (djangosession.Verdict, error)
}

// accessStore finds what the deployment's users may do.
func (d *Deployment) accessStore() djangosession.AccessStore {
	if d.access == nil {
		return noAccess{}
	}
	return breaker.WatchedPermissions{AccessStore: d.access, Breaker: d.accessBreaker}
}

// noAccess is where users are not looked at.
type noAccess struct{}

// AccessOf implements djangosession.AccessStore.
func (noAccess) AccessOf(context.Context, string) (djangosession.Access, error) {
	return djangosession.Access{}, djangosession.ErrNoPermissionsMixin
}
