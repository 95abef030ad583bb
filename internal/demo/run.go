package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"django-sidecar/internal/config"
	"django-sidecar/internal/serving"
	"django-sidecar/internal/sidecar"
)

// Run makes a Django deployment in a folder of its own, serves it until ctx ends, and prints on out what to try. The
// log goes to log.
func Run(ctx context.Context, c *config.Config, dir string, out, log io.Writer, build serving.Build) error {
	c.Explain = true // who runs a demo wants to know why
	visits, err := Deploy(ctx, c, filepath.Join(dir, database))
	if err != nil {
		return err
	}
	err = serving.Serve(ctx, c, log, serving.Options{
		Build: build,
		Listening: func(at serving.Listeners) {
			printLines(out, at.Public.Addr(), dir, c, visits)
		},
		Wrap: func(next http.Handler) http.Handler {
			return Page(PageOptions{
				Visits: visits, CookieName: c.SessionCookieName, CookieAge: c.SessionCookieAge,
				MediaRoot: c.Uploads.MediaRoot, MediaURL: c.Uploads.MediaURL, MaxBytes: c.Uploads.MaxBytes,
				Now: time.Now, Next: next,
			})
		},
	})
	if err != nil {
		return fmt.Errorf("%w\nSet SIDECAR_LISTEN and SIDECAR_ADMIN_LISTEN to free addresses, such as "+
			"127.0.0.1:9100 and 127.0.0.1:9101", err)
	}
	return nil
}

// Settings are those of a demo in dir.
func Settings(dir string) (*config.Config, error) {
	return config.ForDemo(rand.Text()+rand.Text(), "sqlite:///"+filepath.Join(dir, database),
		filepath.Join(dir, "media"))
}

const database = "db.sqlite3"

// Deploy makes the database with the keys that serving it will use, and MEDIA_ROOT.
func Deploy(ctx context.Context, c *config.Config, path string) ([]Example, error) {
	if c.Uploads.MediaRoot != "" {
		if err := os.Mkdir(c.Uploads.MediaRoot, 0o700); err != nil {
			return nil, err
		}
	}
	d, err := sidecar.Open(c)
	if err != nil {
		return nil, err
	}
	defer d.Close() //nolint:errcheck // nothing has been read through it
	return Make(ctx, path, d.Codec(), d.Verifier(), time.Now())
}

func printLines(w io.Writer, public net.Addr, dir string, c *config.Config, visits []Example) {
	fmt.Fprintf(w, "\nA Django deployment with users and sessions, and django-sidecar beside it.\n")
	if public.Network() == "tcp" {
		fmt.Fprintf(w, "In a browser: http://%s/\nOr try:\n", public)
	} else {
		fmt.Fprintf(w, "A browser opens no unix socket: with SIDECAR_LISTEN=127.0.0.1:8100, there is a "+
			"page too. Try:\n")
	}
	for _, v := range visits {
		answer := fmt.Sprintf("%d, no user: %s", c.EndedStatus, v.Reason)
		if v.Alive {
			answer = "200, alive"
		}
		fmt.Fprintf(w, "\n# %s -> %s\n%s\n", v.Title, answer, curl(public, v.Cookie, "/authenticate"))
	}
	fmt.Fprintf(w, "\n# %s, and sends a file -> 201, alive\n%s -F 'file=hello;filename=hello.txt'\n",
		visits[0].Title, curl(public, visits[0].Cookie, "/upload"))
	fmt.Fprintf(w, "\nFiles go to %s, which nobody serves.", c.Uploads.MediaRoot)
	fmt.Fprintf(w, "\nThe database is %s/db.sqlite3; every password is \"demo\". Ready? curl -s http://%s/readyz\n",
		dir, c.AdminListen)
	fmt.Fprintf(w, "Ctrl-C stops the demo and removes what it made.\n\n")
}

// curl is a command to paste.
func curl(public net.Addr, cookie, path string) string {
	where := "http://" + public.String()
	if public.Network() == "unix" {
		where = "--unix-socket " + public.String() + " http://sidecar"
	}
	if cookie != "" {
		where = fmt.Sprintf("-H 'Cookie: %s' %s", cookie, where)
	}
	return "curl -si " + where + path
}
