package handlers

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"
)

// Check is one thing that readiness depends on. Err's text is shown, and must hold nothing secret.
type Check struct {
	Name string
	Err  error
}

// AdminOptions are what the admin listener needs.
type AdminOptions struct {
	// Ready looks at everything that a verdict needs. Any error means not ready.
	Ready func(ctx context.Context) []Check
	// Metrics answers /metrics.
	Metrics http.Handler
	// Version, Commit and Go say what is running.
	Version, Commit, Go string
}

// NewAdmin returns the handler of the admin listener, which is never public: /livez, /readyz, /metrics, /version.
func NewAdmin(o AdminOptions) http.Handler {
	e := newEcho(echo.ExtractIPDirect())
	e.Use(recovered)
	methods := []string{http.MethodGet, http.MethodHead}
	e.Match(methods, "/livez", func(c echo.Context) error {
		return write(c, http.StatusOK, map[string]bool{"live": true})
	})
	e.Match(methods, "/readyz", func(c echo.Context) error {
		status, answer := readiness(o.Ready(c.Request().Context()))
		return write(c, status, answer)
	})
	e.Match(methods, "/version", func(c echo.Context) error {
		return write(c, http.StatusOK, map[string]string{"version": o.Version, "commit": o.Commit, "go": o.Go})
	})
	e.Match(methods, "/metrics", echo.WrapHandler(o.Metrics))
	return e
}

type readyBody struct {
	Ready  bool              `json:"ready"`
	Checks map[string]string `json:"checks"`
}

func readiness(checks []Check) (int, readyBody) {
	b := readyBody{Ready: true, Checks: map[string]string{}}
	for _, c := range checks {
		b.Checks[c.Name] = "ok"
		if c.Err != nil {
			b.Ready = false
			b.Checks[c.Name] = c.Err.Error()
		}
	}
	if !b.Ready {
		return http.StatusServiceUnavailable, b
	}
	return http.StatusOK, b
}
