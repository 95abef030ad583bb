//go:build live

package e2e

import (
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// machineVariable names how long TestRandomMachine runs, such as 10m, and machineSeed what it begins with.
const (
	machineVariable = "DJANGO_SIDECAR_MACHINE"
	machineSeed     = "DJANGO_SIDECAR_MACHINE_SEED"
)

// fact is something that a sidecar may be asked: whether a session is alive, or whether its user is an editor.
type fact struct {
	subject

	path string
	// ended is when the statement had returned that made it untrue, for good; nil: it is true.
	ended atomic.Pointer[time.Time]
}

// machine does things at random to a database, while its facts are asked for.
type machine struct {
	*ddlRig

	random *rand.Rand
	mu     sync.Mutex // guards facts
	facts  []*fact    // the newest last

	asked, yes, late atomic.Int64
	oldest           atomic.Int64 // nanoseconds
}

// begin makes a session, and returns it and the facts about it.
func (m *machine) begin(t *testing.T) (s subject, alive, editor *fact) {
	t.Helper()
	s = m.login(t)
	alive, editor = &fact{subject: s, path: "/authenticate"}, &fact{subject: s, path: "/auth/nginx?require=group:editors"}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.facts = append(m.facts, alive, editor)
	return s, alive, editor
}

// some returns one of the newest facts.
func (m *machine) some(random *rand.Rand) *fact {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.facts[len(m.facts)-1-random.IntN(min(len(m.facts), 24))]
}

// end notes that facts are not true any more.
func end(facts ...*fact) {
	now := time.Now()
	for _, f := range facts {
		f.ended.CompareAndSwap(nil, &now)
	}
}

// groups are changes of what a user may do.
var groups = []scenario{
	{"left a group", "", "DELETE FROM auth_user_groups WHERE user_id = {user}", "INSERT INTO auth_user_groups (user_id, group_id) VALUES ({user}, 1)", false},
	{"left a group, untold", "", "ALTER TABLE auth_user_groups DISABLE TRIGGER USER; DELETE FROM auth_user_groups WHERE user_id = {user}; ALTER TABLE auth_user_groups ENABLE TRIGGER USER", "INSERT INTO auth_user_groups (user_id, group_id) VALUES ({user}, 1)", false},
	{"a group renamed", "", "UPDATE auth_group SET name = 'readers'", "UPDATE auth_group SET name = 'editors'", false},
	{"a group renamed, untold", "", "BEGIN; ALTER TABLE auth_group DISABLE TRIGGER USER; UPDATE auth_group SET name = 'readers'; ALTER TABLE auth_group ENABLE TRIGGER USER; COMMIT", "UPDATE auth_group SET name = 'editors'", false},
	{"membership in another table", "", "BEGIN; ALTER TABLE auth_user_groups RENAME TO was; CREATE TABLE auth_user_groups (LIKE was INCLUDING ALL); INSERT INTO auth_user_groups SELECT * FROM was WHERE user_id <> {user}; ALTER TABLE auth_user_groups ADD FOREIGN KEY (user_id) REFERENCES auth_user, ADD FOREIGN KEY (group_id) REFERENCES auth_group; {triggers} COMMIT", "BEGIN; DROP TABLE auth_user_groups; ALTER TABLE was RENAME TO auth_user_groups; COMMIT", false},
}

// plain are what Django does all day.
var plain = []scenario{
	{"a logout", "", away, "", false},
	{"an end", "", "UPDATE django_session SET expire_date = now() WHERE session_key = '{key}'", "", false},
	{"a deactivation", "", "UPDATE auth_user SET is_active = false WHERE id = {user}", "", false},
	{"another password", "", "UPDATE auth_user SET password = 'x' WHERE id = {user}", "UPDATE auth_user SET password = '" + rigPassword + "' WHERE id = {user}", false},
}

// step makes a session, has it kept, and ends it, or its user's membership, in one of many ways.
func (m *machine) step(t *testing.T) {
	t.Helper()
	s, alive, editor := m.begin(t)
	list := [][]scenario{plain, plain, groups, told, untold, untold}[m.random.IntN(6)]
	sc := list[m.random.IntN(len(list))]
	m.run(t, sc.before, s)
	if m.random.IntN(4) > 0 && !strings.Contains(sc.before, "part") && !strings.Contains(sc.before, "child") { // which make it unsound
		m.becomes(t, true)
	}
	if m.random.IntN(3) > 0 { // else what is done may overtake what is asked
		<-time.After(time.Duration(m.random.Int64N(int64(m.ttl))))
	}
	m.run(t, sc.does, s)
	end(editor) // of whoever has no session too
	if !slices.ContainsFunc(groups, func(g scenario) bool { return g.name == sc.name }) {
		end(alive)
	}
	if m.random.IntN(2) > 0 {
		<-time.After(time.Duration(m.random.Int64N(int64(m.ttl + 2*time.Second))))
	}
	// Before something is true again, the session ends: what has ended has ended for good.
	m.run(t, "DROP RULE IF EXISTS away ON django_session", s)
	m.run(t, away, s)
	end(alive)
	m.restore(t, sc, s)
	if m.random.IntN(20) == 0 {
		m.db.ExecAsSuperuser(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'django-sidecar'")
	}
}

// askOne asks for a fact and judges the answer.
func (m *machine) askOne(t *testing.T, f *fact) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.url+f.path, http.NoBody)
	if err != nil {
		t.Error(err)
		return
	}
	request.AddCookie(&http.Cookie{Name: "sessionid", Value: f.key})
	request.Header.Set("X-Original-URL", "http://example.com/")
	request.Header.Set("X-Original-Method", http.MethodGet)
	asked := time.Now()
	response, err := m.client.Do(request)
	if err != nil {
		t.Error(err)
		return
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	m.asked.Add(1)
	if response.StatusCode != http.StatusOK {
		return // also where a table is missing for a moment
	}
	m.yes.Add(1)
	ended := f.ended.Load()
	if ended == nil || !asked.After(*ended) {
		return
	}
	age := asked.Sub(*ended)
	m.late.Add(1)
	for was := m.oldest.Load(); int64(age) > was && !m.oldest.CompareAndSwap(was, int64(age)); was = m.oldest.Load() {
	}
	if age > m.ttl+time.Second {
		t.Errorf("%s of user %d: yes, %v after the end", f.path, f.user, age.Round(time.Millisecond))
	}
}

// TestRandomMachine ends sessions, users and memberships in every way that the lists have, at random and under load. No yes may come later
// than the TTL and a second after the end.
func TestRandomMachine(t *testing.T) {
	lasts, seed := 15*time.Second, uint64(14)
	if text := os.Getenv(machineVariable); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	if text := os.Getenv(machineSeed); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	m := &machine{ddlRig: newDDLRig(t, 500*time.Millisecond), random: rand.New(rand.NewPCG(seed, 0))}
	m.begin(t)
	stop := make(chan struct{})
	var asking sync.WaitGroup
	for i := range 8 {
		asking.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(i)+1))
			for {
				select {
				case <-stop:
					return
				default:
					m.askOne(t, m.some(random))
				}
			}
		})
	}
	steps := 0
	func() {
		defer asking.Wait()
		defer close(stop)
		few := func() bool { return steps < int(lasts/(5*time.Second)) || m.yes.Load() < 100 }
		until := time.Now().Add(lasts)
		for ; (time.Now().Before(until) || few() && time.Since(until) < 2*time.Minute) && !t.Failed(); steps++ {
			m.step(t)
		}
		if few() {
			t.Error("that shows little")
		}
	}()
	t.Logf("%d steps: %d answers, %d yes, %d of them after the end, the oldest by %v",
		steps, m.asked.Load(), m.yes.Load(), m.late.Load(), time.Duration(m.oldest.Load()).Round(time.Millisecond))
}
