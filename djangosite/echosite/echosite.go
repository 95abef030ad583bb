// Package echosite is the middleware of packages guard and djangosite for Echo v4. It links Echo, and no driver.
//
//	e.Use(echosite.Use(site.Load))
//	e.GET("/reports", reports, echosite.Use(site.RequirePerm("reports.view_report")))
package echosite

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite/guard"
)

// Use makes a middleware of Echo's of one of a Guard's or a Site's.
func Use(middleware func(http.Handler) http.Handler) echo.MiddlewareFunc {
	return echo.WrapMiddleware(middleware)
}

// User is [guard.User] for a request of Echo's.
func User(c echo.Context) (djangosession.User, bool) { return guard.User(c.Request().Context()) }
