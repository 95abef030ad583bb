package sidecar

import (
	"context"
	"sync/atomic"
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
//	currentDeployment         the deployment in force, which a changed secret replaces
//	djangosession.Verifier    Django's rules
//	observe's stores          time what is below
//	breaker's stores          fail at once while a store does not answer
//	the stores                dbstore, cachestore, filestore, cookiestore: see openSessions and open
//
// The last four are of one deployment, and open puts them together. Nothing is put in between later.
func (sc *sidecar) newChain(login gateway.LoginURL) error {
	c := sc.config
	var asked interface {
		check.VerdictSource
		djangosession.AccessStore
	}
	if c.Cache.TTL == 0 {
		asked = check.Uncached{Verdicts: &sc.current, Access: &sc.current, Timeout: c.StoreTimeout}
	} else {
		cache, err := verdictcache.New(verdictcache.Config{
			Origin: sc.current.verifier, Access: &sc.current, Timeout: c.StoreTimeout,
			TTL: c.Cache.TTL, MaxAge: max(c.Cache.TTL, c.Cache.MaxAge), Entries: c.Cache.Entries, Now: time.Now,
		})
		if err != nil {
			return err
		}
		sc.metrics.Cache(cache.Stats)
		sc.cache, asked = cache, cache
	}
	sc.answers = &check.Service{
		Verifier: asked, Access: asked, Login: login, CookieNames: c.SessionCookieNames, Cookies: CookieRules(c),
		NoPermissions: sc.current.Load().verifier.Permissions(), // no file can change it
		Observe:       sc.metrics.Verdict, Now: time.Now,
	}
	return nil
}

// currentDeployment is the deployment that requests use, replaced when a secret file changes.
type currentDeployment struct{ atomic.Pointer[Deployment] }

// Verify implements check.Uncached's Verdicts.
func (c *currentDeployment) Verify(ctx context.Context, sessionKey string) (djangosession.Verdict, error) {
	return c.Load().verifier.Verify(ctx, sessionKey)
}

// verifier is the one in force, for a question of the cache.
func (c *currentDeployment) verifier() verdictcache.Origin { return c.Load().verifier }

// AccessOf implements djangosession.AccessStore.
func (c *currentDeployment) AccessOf(ctx context.Context, userID string) (djangosession.Access, error) {
	if d := c.Load(); d.access != nil {
		return breaker.WatchedPermissions{AccessStore: d.access, Breaker: d.accessBreaker}.AccessOf(ctx, userID)
	}
	return djangosession.Access{}, djangosession.ErrNoPermissionsMixin // users are not looked at
}
