package webhook_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/internal/upload/webhook"
)

var discardLog = log.New(io.Discard, "", 0)

func TestURL(t *testing.T) {
	for raw, taken := range map[string]bool{
		"http://app:8000/hook?token=T0KEN": true,
		"https://app":                      true,
		"HTTPS://[::1]:8443/a%2Fb?T0KEN":   true,
		"":                                 false,
		"app:8000/T0KEN":                   false,
		"/hook?T0KEN":                      false,
		"//app/T0KEN":                      false,
		"ftp://app/T0KEN":                  false,
		"http:///T0KEN":                    false,
		"http://:8000/T0KEN":               false,
		"http:T0KEN":                       false,
		"http://user:T0KEN@app/":           false,
		"http://T0KEN@app/":                false,
		"http://app/#T0KEN":                false,
		"http://app/%zzT0KEN":              false,
		"http://app:T0KEN/":                false,
		" http://app/T0KEN":                false,
		"http://app/\nT0KEN":               false,
	} {
		_, err := webhook.Open(webhook.Options{URL: raw, Dir: newDir(t), Sign: sign, Now: time.Now})
		switch {
		case (err == nil) != taken:
			t.Errorf("%q: %v, want it taken: %t", raw, err, taken)
		case err != nil && strings.Contains(err.Error(), "T0KEN"):
			t.Errorf("%q: %v", raw, err)
		}
	}
}

// TestOptions: what is missing or makes no sense is an error.
func TestOptions(t *testing.T) {
	for name, change := range map[string]func(o *webhook.Options){
		"no folder":            func(o *webhook.Options) { o.Dir = "" },
		"no signer":            func(o *webhook.Options) { o.Sign = nil },
		"no clock":             func(o *webhook.Options) { o.Now = nil },
		"a negative timeout":   func(o *webhook.Options) { o.Timeout = -1 },
		"a negative number":    func(o *webhook.Options) { o.MaxPending = -1 },
		"backoffs upside down": func(o *webhook.Options) { o.FirstBackoff, o.MaxBackoff = 2, 1 },
	} {
		o := webhook.Options{URL: "http://application/", Dir: newDir(t), Sign: sign, Now: time.Now}
		if _, err := webhook.Open(o); err != nil {
			t.Error(err)
		}
		change(&o)
		if _, err := webhook.Open(o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestSigningFails: an event that cannot be signed is not lost, and nothing unsigned is sent.
func TestSigningFails(t *testing.T) {
	dir := newDir(t)
	synctest.Test(t, func(t *testing.T) {
		fails, app, reports := true, &application{}, []webhook.AttemptOutcome{}
		q, err := webhook.Open(webhook.Options{
			URL: "http://application/", Dir: dir, Client: &http.Client{Transport: app}, Now: time.Now,
			Sign: func(payload []byte, at time.Time) (string, error) {
				if fails {
					return "", errors.New("no key")
				}
				return sign(payload, at)
			},
			Report: func(a webhook.Attempt) { reports = append(reports, a.Outcome) },
		})
		if err != nil {
			t.Fatal(err)
		}
		f := &fixture{Queue: q}
		f.add(t, "A")
		f.runFor(t, 0)
		fails = false
		f.runFor(t, 0)
		if diff := cmp.Diff([]webhook.AttemptOutcome{webhook.Broken, webhook.Delivered}, reports); diff != "" || len(app.ids()) != 1 {
			t.Error(diff, app.ids())
		}
	})
}
