package main

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
	"django-sidecar/internal/demo"
)

func demoCommand(ctx context.Context, args []string, s stdio) int {
	if code, ok := parseFlags(flags("demo"), args, s); !ok {
		return code
	}
	dir, err := os.MkdirTemp("", "django-sidecar-demo-")
	if err != nil {
		fmt.Fprintf(s.err, "django-sidecar: %v\n", err)
		return exitNo
	}
	defer os.RemoveAll(dir) //nolint:errcheck // there is nobody left to tell
	c, err := config.OfDemo(rand.Text()+rand.Text(), "sqlite:///"+filepath.Join(dir, "db.sqlite3"), filepath.Join(dir, "media"))
	if err != nil {
		fmt.Fprintf(s.err, "django-sidecar: these settings must be put right:\n%v\n", err)
		return exitUsage
	}
	c.Explain = true // who runs a demo wants to know why
	visits, err := makeDemo(ctx, c, filepath.Join(dir, "db.sqlite3"))
	if err != nil {
		fmt.Fprintf(s.err, "django-sidecar: %v\n", err)
		return exitNo
	}
	logger, flush := newLogger(c, s.err)
	defer flush()
	err = runSidecar(ctx, c, logger, func(at listeners) {
		printDemo(s.out, at.public.Addr(), dir, c, visits)
	}, func(next http.Handler) http.Handler {
		return demo.Page(demo.PageOptions{
			Visits: visits, CookieName: c.SessionCookieName, CookieAge: c.SessionCookieAge,
			MediaRoot: c.Uploads.MediaRoot, MediaURL: c.Uploads.MediaURL, MaxBytes: c.Uploads.MaxBytes, Now: time.Now, Next: next,
		})
	})
	if err != nil {
		fmt.Fprintf(s.err, "django-sidecar: %v\nSet SIDECAR_LISTEN and SIDECAR_ADMIN_LISTEN to free addresses, such as 127.0.0.1:9100 and 127.0.0.1:9101.\n", err)
		return exitUsage
	}
	fmt.Fprintln(s.out, "The demo and its database are gone.")
	return exitYes
}

// makeDemo makes the database with the keys that serving it will use, and MEDIA_ROOT.
func makeDemo(ctx context.Context, c *config.Config, path string) ([]demo.Visit, error) {
	if c.Uploads.MediaRoot != "" {
		if err := os.Mkdir(c.Uploads.MediaRoot, 0o700); err != nil {
			return nil, err
		}
	}
	d, err := newDeployment(c, nil)
	if err != nil {
		return nil, err
	}
	defer d.Close() //nolint:errcheck // nothing has been read through it
	return demo.Make(ctx, path, d.codec, d.verifier, time.Now())
}

func printDemo(w io.Writer, public net.Addr, dir string, c *config.Config, visits []demo.Visit) {
	fmt.Fprintf(w, "\nA Django deployment with users and sessions, and django-sidecar beside it.\n")
	if public.Network() == "tcp" {
		fmt.Fprintf(w, "In a browser: http://%s/\nOr try:\n", public)
	} else {
		fmt.Fprintf(w, "A browser opens no unix socket: with SIDECAR_LISTEN=127.0.0.1:8100, there is a page too. Try:\n")
	}
	for _, v := range visits {
		answer := fmt.Sprintf("%d, no user: %s", c.EndedStatus, v.Reason)
		if v.Alive {
			answer = "200, alive"
		}
		fmt.Fprintf(w, "\n# %s -> %s\n%s\n", v.Title, answer, curl(public, v.Cookie, "/authenticate"))
	}
	fmt.Fprintf(w, "\n# %s, and sends a file -> 201, alive\n%s -F 'file=hello;filename=hello.txt'\n", visits[0].Title, curl(public, visits[0].Cookie, "/upload"))
	fmt.Fprintf(w, "\nFiles go to %s, which nobody serves.", c.Uploads.MediaRoot)
	fmt.Fprintf(w, "\nThe database is %s/db.sqlite3; every password is \"demo\". Ready? curl -s http://%s/readyz\n", dir, c.AdminListen)
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
