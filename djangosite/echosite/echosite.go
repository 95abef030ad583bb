// Package echosite is package djangosite for Echo v4.
//
//	e.Use(echosite.Use(site.Load))
//	e.GET("/reports", reports, echosite.Use(site.RequirePerm("reports.view_report")))
package echosite

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite"
)

// Use makes a middleware of Echo's of one of a Site's.
func Use(middleware func(http.Handler) http.Handler) echo.MiddlewareFunc {
	return echo.WrapMiddleware(middleware)
}

// User is djangosite.User for a request of Echo's.
func User(c echo.Context) (djangosession.User, bool) { return djangosite.User(c.Request().Context()) }
