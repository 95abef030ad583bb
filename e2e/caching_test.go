//go:build live

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"django-sidecar/internal/config"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/invalidate/postgres"
	"django-sidecar/internal/serving"
	"django-sidecar/internal/sidecar"
)

// history is what Django's database has said of one user, and until when.
type history struct {
	user, key string
	other     string // another session's key, of the same login

	mu    sync.Mutex
	state []state
}

// state is what a check must answer, until some time after which no check may.
type state struct {
	answer string    // "" for nobody
	ended  time.Time // when the statement that ended it had returned; zero: it has not
}

func (h *history) change(answer string, do func()) {
	h.mu.Lock()
	h.state = append(h.state, state{answer: answer}) // it may be seen from now on
	h.mu.Unlock()
	do()
	at := time.Now()
	h.mu.Lock()
	h.state[len(h.state)-2].ended = at
	h.mu.Unlock()
}

// age is how long before asked an answer had become untrue, zero for one that has not, and false for one that never was
// true.
func (h *history) age(answer string, asked time.Time) (time.Duration, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range slices.Backward(h.state) {
		if s.answer == answer {
			if s.ended.IsZero() || s.ended.After(asked) {
				return 0, true
			}
			return asked.Sub(s.ended), true
		}
	}
	return 0, false
}

// cachingRig is a sidecar with a cache on a real Django's database, whose users are changed while they are asked for.
type cachingRig struct {
	django *djangotest.Django
	at     serving.Listeners
	users  []*history
	next   int
}

func newCachingRig(t *testing.T, p profile, triggers bool) *cachingRig {
	t.Helper()
	r := &cachingRig{django: p.deploy(t)}
	for _, u := range r.django.Users(40, 1) {
		if u.IsActive == nil || !*u.IsActive {
			continue
		}
		r.django.Execute("UPDATE auth_user SET username = 'v" + u.ID + "' WHERE id = " + u.ID)
		r.users = append(r.users, &history{user: u.ID, key: r.django.Login(u.ID), other: r.django.Login(u.ID), state: []state{{answer: "v" + u.ID}}})
	}
	if len(r.users) < 10 {
		t.Fatalf("only %d users", len(r.users))
	}
	if triggers {
		c, err := config.FromProcess()
		if err != nil {
			t.Fatal(err)
		}
		text, _, err := sidecar.SQL(c, sidecar.SQLOptions{Script: postgres.Script{Triggers: true}})
		if err != nil {
			t.Fatal(err)
		}
		r.django.Execute(regexp.MustCompile(`(?m)^(BEGIN|COMMIT);$`).ReplaceAllString(text, ""))
	}
	if p.pooler != "" {
		direct, err := url.Parse(os.Getenv("DATABASE_URL"))
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("SIDECAR_CACHE_LISTEN_URL", direct.String())
		direct.Host = p.pooler
		t.Setenv("DATABASE_URL", direct.String())
	}
	r.at = listenersForTest(t)
	return r
}

// ask returns the name of the user that a session key belongs to, "" for nobody.
func (r *cachingRig) ask(ctx context.Context, c *http.Client, key string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.at.Public.Addr().String()+"/authenticate", http.NoBody)
	if err != nil {
		return "", err
	}
	request.AddCookie(&http.Cookie{Name: "sessionid", Value: key})
	response, err := c.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close() //nolint:errcheck // it has been read
	var answer struct{ User struct{ Username string } }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode >= 500 {
		return "", fmt.Errorf("status %d, %w", response.StatusCode, err)
	}
	return answer.User.Username, nil
}

// mustAsk asks for a user's session.
func (r *cachingRig) mustAsk(t *testing.T, c *http.Client, h *history) string {
	t.Helper()
	answer, err := r.ask(t.Context(), c, h.key)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// metric reads one of the sidecar's metrics.
func (r *cachingRig) metric(t *testing.T, name string) float64 {
	t.Helper()
	response, err := http.Get("http://" + r.at.Admin.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it is read to its end
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`(?m)^` + name + ` (.*)$`).FindSubmatch(text)
	if match == nil {
		t.Fatalf("there is no metric %s", name)
	}
	value, err := strconv.ParseFloat(string(match[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// changeSomething changes a user at random: renames, deactivates, logs out, deletes the session.
func (r *cachingRig) changeSomething(random *rand.Rand) {
	h := r.users[random.IntN(len(r.users))]
	r.next++
	name := fmt.Sprintf("n%d", r.next)
	const session = "UPDATE django_session SET expire_date = now() + interval '%s' WHERE session_key IN ('%s', '%s')"
	switch random.IntN(4) {
	case 0:
		h.change("", func() { r.django.Execute("UPDATE auth_user SET is_active = false WHERE id = " + h.user) })
	case 1:
		h.change("", func() { r.django.Execute(fmt.Sprintf(session, "-1 day", h.key, h.other)) })
	case 2:
		h.change("", func() {
			r.django.Execute("UPDATE auth_user SET password = 'x" + name + "' || password WHERE id = " + h.user)
		})
		defer r.django.Execute("UPDATE auth_user SET password = replace(password, 'x" + name + "', '') WHERE id = " + h.user)
	}
	h.change(name, func() {
		r.django.Execute(fmt.Sprintf(session, "1 day", h.key, h.other) + "; UPDATE auth_user SET is_active = true, username = '" + name +
			"', password = replace(password, 'x" + name + "', '') WHERE id = " + h.user)
	})
}

// TestCacheKeepsItsPromise changes sessions and users while 64 clients ask. No answer may be older than the promise.
func TestCacheKeepsItsPromise(t *testing.T) {
	const ttl = 400 * time.Millisecond
	for _, tt := range []struct {
		name    string
		env     map[string]string
		told    bool
		promise time.Duration
	}{
		{"untold", map[string]string{"SIDECAR_CACHE_TTL": ttl.String(), "SIDECAR_CACHE_INVALIDATION": "off"}, false, ttl},
		// A confirmation holds for a second where the TTL is shorter: docs/invalidation.md.
		{"told", map[string]string{"SIDECAR_CACHE_TTL": ttl.String(), "SIDECAR_CACHE_MAX_AGE": "1h"}, true, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			r := newCachingRig(t, profile{django: "5.2"}, tt.told)
			if tt.told {
				eventually(t, func() bool { return r.metric(t, "django_sidecar_cache_sound") == 1 })
			}
			r.askWhileChanging(t, tt.promise)
			if hits := r.metric(t, "django_sidecar_cache_hits_total"); hits < 200 { // on a machine that is very busy with something else
				t.Errorf("only %v verdicts were kept ones", hits)
			}
			if known := r.metric(t, "django_sidecar_cache_known_users_total"); known < 20 {
				t.Errorf("only %v users were known by another session", known)
			}
		})
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, is func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !is(); {
		if time.Now().After(end) {
			t.Fatal("it has not happened within a minute")
		}
		<-tick.C
	}
}

func (r *cachingRig) askWhileChanging(t *testing.T, promise time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	var running sync.WaitGroup
	var asked, late atomic.Int64
	var oldest atomic.Int64
	for i := range 64 {
		running.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			for ctx.Err() == nil && !t.Failed() {
				h := r.users[random.IntN(len(r.users))]
				key := []string{h.key, h.other}[random.IntN(2)]
				at := time.Now()
				answer, err := r.ask(context.WithoutCancel(ctx), client, key) // the last ones are waited for
				if err != nil {
					t.Error(err)
					return
				}
				age, ever := h.age(answer, at)
				switch {
				case !ever:
					t.Errorf("user %s: %q has never been true", h.user, answer)
				case age > promise:
					t.Errorf("user %s: %q is %s too old", h.user, answer, age-promise)
				case age > 0:
					late.Add(1)
					for was := oldest.Load(); int64(age) > was && !oldest.CompareAndSwap(was, int64(age)); was = oldest.Load() {
					}
				}
				asked.Add(1)
			}
		})
	}
	random, changes := rand.New(rand.NewPCG(2, 2)), 0
	begin := time.Now()
	for ; ctx.Err() == nil && (time.Since(begin) < 5*time.Second || asked.Load() < 1000 || changes < 50); changes++ {
		r.changeSomething(random)
	}
	cancel()
	running.Wait()
	t.Logf("%d answers during %d changes; %d were from before a change that had returned, the oldest by %s", asked.Load(), changes, late.Load(), time.Duration(oldest.Load()))
	if asked.Load() < 1000 || changes < 50 {
		t.Error("that shows little")
	}
}

// TestCacheForgetsWhatDjangoChanges has Django do each thing that ends a session's verdict, or changes it, and waits until
// that is seen although verdicts are kept for an hour.
func TestCacheForgetsWhatDjangoChanges(t *testing.T) {
	t.Setenv("SIDECAR_CACHE_TTL", "1h")
	r := newCachingRig(t, profile{django: "5.2"}, true)
	eventually(t, func() bool { return r.metric(t, "django_sidecar_cache_sound") == 1 })
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	answers := func(h *history) string { return r.mustAsk(t, client, h) }
	for i, tt := range []struct{ name, statement, want string }{
		{"a logout", "DELETE FROM django_session WHERE session_key = '{key}'", ""},
		{"an end", "UPDATE django_session SET expire_date = now() WHERE session_key = '{key}'", ""},
		{"a deactivation", "UPDATE auth_user SET is_active = false WHERE id = {user}", ""},
		{"another password", "UPDATE auth_user SET password = 'x' WHERE id = {user}", ""},
		{"a deletion", "DELETE FROM auth_user WHERE id = {user}", ""},
		{"another name", "UPDATE auth_user SET username = 'anew' WHERE id = {user}", "anew"},
	} {
		h := r.users[i]
		if first, second := answers(h), answers(h); first != h.state[0].answer || second != first {
			t.Fatalf("before %s: %q and %q", tt.name, first, second)
		}
		if strings.HasPrefix(tt.statement, "DELETE FROM auth_user") {
			r.django.Execute("DELETE FROM auth_user_groups WHERE user_id = " + h.user +
				"; DELETE FROM auth_user_user_permissions WHERE user_id = " + h.user)
		}
		r.django.Execute(strings.NewReplacer("{key}", h.key, "{user}", h.user).Replace(tt.statement))
		eventually(t, func() bool { return answers(h) == tt.want })
	}
	r.logOutElsewhere(t, client, r.users[6])
	libraryChangesSecret(t, r.users[7])
}

// TestCacheHearsBesideAPooler: sessions are read through pgbouncer, and changes heard from the server itself.
func TestCacheHearsBesideAPooler(t *testing.T) {
	server := djangotest.Postgres(t)
	pooler, err := url.Parse(djangotest.PgBouncer(t, server, "transaction").URL(server.Database(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SIDECAR_CACHE_TTL", "1h")
	r := newCachingRig(t, profile{django: "5.2", pooler: pooler.Host}, true)
	eventually(t, func() bool { return r.metric(t, "django_sidecar_cache_sound") == 1 })
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	h := r.users[0]
	if got := r.mustAsk(t, client, h); got != h.state[0].answer {
		t.Fatalf("got %q, want %q", got, h.state[0].answer)
	}
	r.django.Execute("UPDATE auth_user SET is_active = false WHERE id = " + h.user)
	eventually(t, func() bool { return r.mustAsk(t, client, h) == "" })
	r.manyByLibrary(t, r.users[1])
}

// TestCacheForgetsWhatRedisChanges: where sessions are in Redis, it tells of them, and PostgreSQL of users. Verdicts are kept for
// an hour.
func TestCacheForgetsWhatRedisChanges(t *testing.T) {
	for _, engine := range []string{"cache", "cached_db"} {
		t.Run(engine, func(t *testing.T) {
			t.Setenv("SIDECAR_CACHE_TTL", "1h")
			r := newCachingRig(t, profile{django: "6.1", engine: engine, cache: "redis"}, true)
			eventually(t, func() bool { return r.metric(t, "django_sidecar_cache_sound") == 1 })
			client, closeIdle := newClient(time.Minute)
			defer closeIdle()
			first, second := r.users[0], r.users[1]
			for range 2 {
				for _, h := range []*history{first, second} {
					if got := r.mustAsk(t, client, h); got != h.state[0].answer {
						t.Fatalf("got %q, want %q", got, h.state[0].answer)
					}
				}
			}
			if hits := r.metric(t, "django_sidecar_cache_hits_total"); hits != 2 {
				t.Errorf("%v verdicts were kept ones, want 2", hits)
			}
			r.django.Execute("UPDATE auth_user SET is_active = false WHERE id = " + first.user)
			eventually(t, func() bool { return r.mustAsk(t, client, first) == "" })
			r.django.Execute("DELETE FROM django_session") // there are none with the engine cache
			server := strings.TrimSuffix(strings.TrimPrefix(os.Getenv("DJANGO_CACHE_URL"), "redis://"), "/0")
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close() //nolint:errcheck // its answer has been read
			keys := os.Getenv("DJANGO_CACHE_KEY_PREFIX") + ":7:django.contrib.sessions." + engine + second.key
			if _, err := fmt.Fprintf(conn, "DEL %s\r\n", keys); err != nil {
				t.Fatal(err)
			}
			if reply, err := bufio.NewReader(conn).ReadString('\n'); err != nil || reply != ":1\r\n" {
				t.Fatalf("Redis says %q, %v", reply, err)
			}
			eventually(t, func() bool { return r.mustAsk(t, client, second) == "" })
			r.logOutElsewhere(t, client, r.users[2])
		})
	}
}
