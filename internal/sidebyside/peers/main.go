//go:build bench

// Command peers is what the sidecar is measured beside: -mode noop answers the same to everybody, -mode obvious is the
// session check that one would write in an afternoon, and -mode library is a service of package djangosite, which reads
// its settings from the environment.
package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"

	"github.com/labstack/echo/v4" //nolint:depguard // a yardstick, which no other program links
)

// constant is as long as the sidecar's answer to any of the seeded sessions.
const constant = `{"result":true,"message":"Your login session is alive.","user":{"id":"100001","username":"user100001",` +
	`"email":"user100001@example.com","is_staff":false,"is_superuser":false},"expires":"2036-01-01T00:00:00Z"}`

func main() {
	mode := flag.String("mode", "noop", "noop, obvious or library")
	listen := flag.String("listen", "127.0.0.1:0", "host:port")
	database := flag.String("database", "", "the URL of the database")
	secret := flag.String("secret", "", "SECRET_KEY")
	conns := flag.Int("conns", 4, "connections to the database")
	flag.Parse()

	if *mode == "library" {
		fmt.Fprintln(os.Stderr, "peers:", serveLibrary(*listen))
		os.Exit(1)
	}
	handler := noop
	if *mode == "obvious" {
		o, err := newObvious(*database, *secret, *conns)
		if err != nil {
			fmt.Fprintln(os.Stderr, "peers:", err)
			os.Exit(1)
		}
		handler = o.authenticate
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.GET("/authenticate", handler)
	fmt.Fprintln(os.Stderr, "peers:", e.Start(*listen))
	os.Exit(1)
}

func noop(c echo.Context) error {
	setHeader(c)
	return c.JSONBlob(http.StatusOK, []byte(constant))
}

// setHeader sets what the sidecar's answers have besides their length and type.
func setHeader(c echo.Context) {
	h := c.Response().Header()
	h.Set(echo.HeaderVary, echo.HeaderCookie)
	h.Set(echo.HeaderCacheControl, "no-store")
}
