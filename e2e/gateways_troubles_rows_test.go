//go:build live && gateways

package e2e

import (
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// provocations are what provokes each row of docs/troubleshooting.md, by the first text that it quotes.
func (d *troubled) provocations() map[string]func(*testing.T) said {
	all := map[string]func(*testing.T) said{}
	for _, some := range []map[string]func(*testing.T) said{d.nobody(), d.unavailable(), d.refused(), d.uploading(), d.late(), d.writing()} {
		maps.Copy(all, some)
	}
	return all
}

func (d *troubled) nobody() map[string]func(*testing.T) said {
	set := func(name, value string) func(*testing.T) said { return d.wrong(map[string]string{name: value}) }
	return map[string]func(*testing.T) said{
		`"reason":"bad_signature"`: set("DJANGO_SECRET_KEY", "altogether another key"),
		"it can be read with DJANGO_SECRET_KEY without the quotes around it":                      set("DJANGO_SECRET_KEY", `"`+rigSecret+`"`),
		"for this DJANGO_SESSION_STORE_CLASS":                                                     set("DJANGO_SESSION_STORE_CLASS", "OwnStore"),
		"it can be read with DJANGO_VERSION of Django 4.0 or newer":                               set("DJANGO_VERSION", "2.2"),
		"the header has no cookie …; compare DJANGO_SESSION_COOKIE_NAME with SESSION_COOKIE_NAME": set("DJANGO_SESSION_COOKIE_NAME", "shop_session"),
		"the last 100 questions had no Cookie header, so that everybody is a stranger.":           d.asked(nil, strings.Split(strings.Repeat("/auth/envoy/page\nCookie: ;", 100), ";")[:100]...),
		`"reason":"unknown_backend"`:                                                              set("DJANGO_AUTHENTICATION_BACKENDS", "shop.auth.Backend"),
		`"reason":"not_found"`:                                                                    d.wrong(map[string]string{"DATABASE_URL": d.elsewhere.URL()}),
		`"reason":"auth_hash_mismatch"`:                                                           d.rotated,
		"the user model has a get_session_auth_hash() of its own": func(t *testing.T) said {
			d.db.Exec(t, "UPDATE auth_user SET password = 'another' WHERE id = 1")
			defer d.db.Exec(t, "UPDATE auth_user SET password = '"+rigPassword+"' WHERE id = 1")
			return d.wrong(nil)(t)
		},
		`"reason":"user_not_found"`: set("DJANGO_AUTH_USER_WHERE", "id > 1000"),
		"differs from the database server's by": func(t *testing.T) said {
			return d.wrong(d.to(t, optioned("sslmode=disable&options=-csearch_path%3Dlate,pg_catalog,public")))(t)
		},
	}
}

// rotated is Django 4.1.0 after a change of SECRET_KEY, with a session that the new key has signed and the old one hashed.
func (d *troubled) rotated(t *testing.T) said {
	d.settings(t, map[string]string{"DJANGO_VERSION": "4.1.0", "DJANGO_SECRET_KEY": "the new key", "DJANGO_SECRET_KEY_FALLBACKS": rigSecret})
	all := d.commands(t, d.live[0])
	maps.Copy(all, d.answers(t, troubledPath))
	return all
}

func (d *troubled) unavailable() map[string]func(*testing.T) said {
	later := func(change func(*testing.T) func(*url.URL)) func(*testing.T) said {
		return func(t *testing.T) said { return d.wrong(d.to(t, change(t)))(t) }
	}
	as := func(user, password string) func(*testing.T) func(*url.URL) {
		return func(*testing.T) func(*url.URL) { return as(user, password) }
	}
	return map[string]func(*testing.T) said{
		"connect: connection refused": later(func(t *testing.T) func(*url.URL) { return at(djangotest.FreeAddr(t)) }),
		"i/o timeout": func(t *testing.T) said {
			hole := djangotest.NewFaultProxy(t, d.server.Addr())
			hole.SetMode(djangotest.BlackHole())
			d.settings(t, d.to(t, at(hole.Addr())))
			t.Setenv("SIDECAR_STORE_TIMEOUT", "1s")
			_, check := command(t, "", "check")
			all := d.answers(t, troubledPath, troubledPath, troubledPath, troubledPath, troubledPath, troubledPath, troubledPath)
			all["check"] = check
			return all
		},
		"password authentication failed": later(as("django", "wr0ng")),
		"pgbouncer takes no options at the start of a connection": func(t *testing.T) said {
			bouncer := djangotest.PgBouncer(t, d.server.PostgresServer, "transaction")
			return d.wrong(map[string]string{"DATABASE_URL": changed(t, bouncer.URL(d.db), optioned("sslmode=disable&options=-csearch_path%3Dx"))})(t)
		},
		"the server or pooler has no connection left: lower SIDECAR_DB_CONNS, or raise its limit": later(as("limited", "")),
		"ended the question for its statement_timeout":                                            later(as("slow", "")),
		"permission denied for table django_session":                                              later(as("reader", "")),
		"no such table; run Django's migrations for django.contrib.sessions":                      d.wrong(map[string]string{"DJANGO_SESSION_TABLE": "sessions"}),
		`"ready":false`: later(func(t *testing.T) func(*url.URL) { return at(djangotest.FreeAddr(t)) }),
	}
}

func (d *troubled) refused() map[string]func(*testing.T) said {
	const page, proxy = "\nX-Original-URL: https://app.example/page", "127.0.0.1"
	forwarded := "\nX-Forwarded-Method: GET\nX-Forwarded-Proto: http\nX-Forwarded-Host: app.example\nX-Forwarded-Uri: /page\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: document\nCookie: "
	return map[string]func(*testing.T) said{
		`"outcome":"alive"`:                                               d.asked(nil, "/auth/nginx?require=staff"+page),
		`"decision":"malformed"`:                                          d.asked(map[string]string{"SIDECAR_TRUSTED_PROXIES": proxy}, "/auth/forward"),
		`unknown requirement \"stuff\"`:                                   d.asked(nil, "/auth/nginx?require=stuff"+page),
		"groups and permissions are not known here":                       d.asked(nil, "/auth/nginx?require=group:editors"+page),
		"require=perm is refused:":                                        d.asked(map[string]string{"DJANGO_AUTHENTICATION_BACKENDS": "shop.auth.Backend"}, troubledPath),
		"Location: /accounts/login/?next=/accounts/login/":                d.asked(nil, "/auth/nginx\nX-Original-URL: https://app.example/accounts/login/\nCookie: "),
		"Location: /accounts/login/":                                      d.asked(nil, "/auth/forward"+forwarded),
		"Location: https://login.example/?next=http%3A//app.example/page": d.asked(map[string]string{"SIDECAR_TRUSTED_PROXIES": proxy, "DJANGO_LOGIN_URL": "https://login.example/"}, "/auth/forward"+forwarded),
		"LOGIN_URL must begin with a slash":                               d.serves(map[string]string{"DJANGO_LOGIN_URL": "login"}),
		"is not a setting; did you mean SIDECAR_LISTEN?":                  d.serves(map[string]string{"SIDECAR_LISTN": "x"}),
		"DJANGO_SECRET_KEY is empty":                                      d.serves(map[string]string{"DJANGO_SECRET_KEY": ""}),
		"address already in use": func(t *testing.T) said {
			l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close() //nolint:errcheck // nobody connects
			return d.serves(map[string]string{"SIDECAR_LISTEN": l.Addr().String()})(t)
		},
		"is not known: its users are judged as ModelBackend's":                                     d.asked(map[string]string{"DJANGO_AUTHENTICATION_BACKENDS": "shop.auth.Backend"}, troubledPath),
		"is not known: if it logs users out, or puts others in their place, that is not seen here": d.asked(map[string]string{"DJANGO_MIDDLEWARE": "shop.middleware.Ban"}, troubledPath),
	}
}

func (d *troubled) uploading() map[string]func(*testing.T) said {
	const file = "/upload\nContent-Type: text/plain\nContent-Disposition: attachment; filename=a.txt"
	upload := func(request string, env ...string) func(*testing.T) said {
		return func(t *testing.T) said {
			settings := map[string]string{"DJANGO_MEDIA_ROOT": t.TempDir(), "SIDECAR_UPLOAD_STATE_DIR": t.TempDir()}
			for i := 0; i < len(env); i += 2 {
				settings[env[i]] = env[i+1]
			}
			return d.asked(settings, request+"\n\nhello")(t)
		}
	}
	return map[string]func(*testing.T) said{
		"Not Found.":                              d.asked(nil, file+"\n\nhello"),
		"Uploads from another site are refused.":  upload(file + "\nOrigin: https://other.example"),
		"The CSRF token is missing or incorrect.": upload(file, "SIDECAR_UPLOAD_CSRF_TOKEN", "true"),
		"The file is too large.":                  upload(file, "SIDECAR_UPLOAD_MAX_BYTES", "3"),
		"Files of this kind are not taken.":       upload(file, "SIDECAR_UPLOAD_EXTENSIONS", ".jpg"),
		"An encoded body is not understood: send it without Content-Encoding.": upload(file + "\nContent-Encoding: gzip"),
		"connect() failed (111: Connection refused) while connecting to upstream": func(t *testing.T) said {
			nginx := djangotest.NginxPlain(t, djangotest.FreeAddr(t), false)
			answer := d.send(t, "http://"+nginx.Addr, file+"\n\nhello")
			if !strings.HasPrefix(answer, "502 ") {
				t.Errorf("got %s", answer)
			}
			return said{"gateway": nginx.Output()}
		},
		"DJANGO_MEDIA_ROOT": func(t *testing.T) said {
			d.settings(t, map[string]string{"DJANGO_MEDIA_ROOT": filepath.Join(t.TempDir(), "gone")})
			return d.commands(t, d.live[0])
		},
	}
}

func (d *troubled) late() map[string]func(*testing.T) said {
	return map[string]func(*testing.T) said{
		`"cache":"5s"`: func(t *testing.T) said {
			defer d.db.Exec(t, "UPDATE auth_user SET is_active = true WHERE id = 1")
			d.settings(t, map[string]string{"SIDECAR_CACHE_TTL": "5s"})
			all := d.answersWhile(t, func(string) { d.db.Exec(t, "UPDATE auth_user SET is_active = false WHERE id = 1") }, troubledPath, troubledPath)
			if strings.Count(all["answer"], "200 OK") != 2 {
				t.Errorf("the user is out already:\n%s", all["answer"])
			}
			return all
		},
		"django_sidecar_cache_sound 0": func(t *testing.T) said { // there are no triggers
			d.settings(t, map[string]string{"SIDECAR_CACHE_TTL": "5s", "SIDECAR_CACHE_LISTEN_URL": d.db.URL()})
			return d.answersWhile(t, func(admin string) {
				waitFor(t, 30*time.Second, "unsound", func() bool { return strings.Contains(d.send(t, admin, "/metrics"), "cache_unsound{") })
			}, troubledPath, troubledPath)
		},
		`django_sidecar_key_info{fingerprint="`: func(t *testing.T) said {
			one, other := d.asked(nil, troubledPath)(t), d.asked(map[string]string{"DJANGO_SECRET_KEY": "altogether another key"}, troubledPath)(t)
			if fingerprintIn(one["metrics"]) == fingerprintIn(other["metrics"]) {
				t.Errorf("two keys have the fingerprint %s", fingerprintIn(one["metrics"]))
			}
			return other
		},
		"django_sidecar_settings_stale 1": func(t *testing.T) said {
			file := filepath.Join(t.TempDir(), "key")
			write := func(text string) {
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write(rigSecret)
			d.settings(t, map[string]string{"DJANGO_SECRET_KEY": "", "DJANGO_SECRET_KEY_FILE": file})
			return d.answersWhile(t, func(admin string) {
				write("")
				waitFor(t, 30*time.Second, "refusing the file", func() bool {
					return strings.Contains(d.send(t, admin, "/metrics"), "django_sidecar_settings_stale 1")
				})
			}, troubledPath, troubledPath)
		},
	}
}

func fingerprintIn(metrics string) string {
	_, rest, _ := strings.Cut(metrics, `django_sidecar_key_info{fingerprint="`)
	fingerprint, _, _ := strings.Cut(rest, `"`)
	return fingerprint
}

// writing is what goes wrong at /login.
func (d *troubled) writing() map[string]func(*testing.T) said {
	const token = "0123456789abcdefghijklmnopqrstuv"
	const login = "/login\nContent-Type: application/json"
	const ofThisSite = login + "\nX-CSRFToken: " + token + "\nCookie: csrftoken=" + token
	const body = "\n\n" + `{"username": "nobody", "password": "wrong"}`
	asked := func(tries string, requests ...string) func(*testing.T) said {
		return d.asked(map[string]string{"SIDECAR_WRITE": "login", "SIDECAR_LOGIN_TRIES": tries}, requests...)
	}
	return map[string]func(*testing.T) said{
		"does not match any trusted origins": asked("10", ofThisSite+"\nOrigin: https://shop.example"+body),
		"the CSRF cookie is not set":         asked("10", login+"\nX-CSRFToken: "+token+body),
		"Too many tries to log in.":          asked("1", ofThisSite+body, ofThisSite+body),
		"FAIL  writing": func(t *testing.T) said {
			settings := d.to(t, as("looker", ""))
			settings["SIDECAR_WRITE"] = "login"
			return d.wrong(settings)(t)
		},
		"whose authenticate() cannot be imitated": d.serves(map[string]string{"SIDECAR_WRITE": "login", "DJANGO_AUTHENTICATION_BACKENDS": "shop.auth.Backend"}),
	}
}
