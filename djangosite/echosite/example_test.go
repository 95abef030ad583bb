package echosite_test

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"django-sidecar/djangosite/echosite"
	"django-sidecar/djangosite/guard"
)

func ExampleUse() {
	site, err := guard.Ask("http://127.0.0.1:8100", guard.AskOptions{})
	if err != nil {
		panic(err)
	}
	e := echo.New()
	e.Use(echosite.Use(site.Load))
	e.GET("/", func(c echo.Context) error {
		user, ok := echosite.User(c)
		if !ok {
			return c.String(http.StatusOK, "Hello, whoever you are.")
		}
		return c.String(http.StatusOK, "Hello, "+user.Name()+".")
	})
	e.GET("/staff", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }, echosite.Use(site.RequireStaff))
}
