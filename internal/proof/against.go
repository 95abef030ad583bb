package proof

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/checkup"
	"django-sidecar/internal/keyhash"
)

// Side is the sidecar's side. Every field but Password is required.
type Side struct {
	// Keys lists up to n session keys in the store's order, from the first one that is not before from.
	Keys func(ctx context.Context, from string, n int) ([]string, error)
	// Stored is what is stored under a session key, as it is; "" for nothing.
	Stored func(ctx context.Context, key string) (string, error)
	// Known is what the sidecar knows of a session, which nothing has kept.
	Known func(ctx context.Context, key string) (Known, error)
	// Password is the password column of the user whom a session names; nil where users are not looked at.
	Password func(ctx context.Context, s *djangosession.Session) (string, error)
	// Timeout bounds each question.
	Timeout time.Duration
	// Now is the clock.
	Now func() time.Time
}

// How many keys are looked at: from each of a sample's starts, several times what the sample's program does, since
// sessions are made meanwhile; and of a store that has no order.
const (
	keysFromStart = 5000
	keysAtAll     = 500_000
)

// Against asks the sidecar for the verdict on each session of a sample, and reports what has come of it, a line for
// each kind of difference. Nothing in them is secret.
func (d *Side) Against(ctx context.Context, s *Sample, report func(checkup.Finding)) {
	users := 0
	for _, one := range s.Sessions {
		if one.User != nil {
			users++
		}
	}
	report(checkup.Finding{Grade: checkup.OK, Name: "sample", Found: fmt.Sprintf("%s of Django %s, %d "+
		"of them of a user, taken %s ago",
		checkup.Counted(len(s.Sessions), "session"), s.Django, users, age(d.Now().Sub(time.Unix(s.Ended, 0))))})
	t := &tally{differ: map[string]*kind{}}
	if err := d.compare(ctx, s, t); err != nil {
		report(checkup.Finding{Grade: checkup.Fail, Name: "against", Found: err.Error(), Remedy: "see what " +
			"django-sidecar check says of the stores"})
		return
	}
	t.report(len(s.Sessions), users, report)
}

func (d *Side) compare(ctx context.Context, s *Sample, t *tally) error {
	keys, err := d.find(ctx, s)
	if err != nil {
		return err
	}
	for _, one := range s.Sessions {
		key, found := keys[one.Key]
		if !found {
			t.ended++
			continue
		}
		if err := d.session(ctx, s, one, key, t); err != nil {
			return err
		}
	}
	t.settle()
	return nil
}

// find returns the keys of the sample's sessions that are still there.
func (d *Side) find(ctx context.Context, s *Sample) (map[keyhash.Hash]string, error) {
	wanted := make(map[keyhash.Hash]bool, len(s.Sessions))
	for _, one := range s.Sessions {
		wanted[one.Key] = true
	}
	starts, most := s.Starts, keysFromStart
	if len(starts) == 0 {
		starts, most = []string{""}, keysAtAll
	}
	found := make(map[keyhash.Hash]string, len(wanted))
	for _, from := range starts {
		keys, err := within(ctx, d.Timeout, func(ctx context.Context) ([]string, error) { return d.Keys(ctx, from, most) })
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			if hash := keyhash.Of(key); wanted[hash] {
				found[hash] = key
			}
		}
		if len(found) == len(wanted) {
			break
		}
	}
	return found, nil
}

func within[T any](ctx context.Context, timeout time.Duration, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return ask(ctx)
}

// session compares one session.
func (d *Side) session(ctx context.Context, s *Sample, one Sampled, key string, t *tally) error {
	known, err := within(ctx, d.Timeout, func(ctx context.Context) (Known, error) { return d.Known(ctx, key) })
	if err != nil {
		return err
	}
	said := s.said(one, key)
	sameUser := said.User != nil && known.User != nil
	if sameUser && d.Password != nil {
		t.passwordsMatch = t.passwordsMatch || d.passwordOf(ctx, one, key, known.Session) == same
	}
	if sameUser {
		t.unsaid(s.Users[*said.User].Unknown)
		if said.Permissions != nil && !known.Permitted() {
			t.unpermitted++
		}
		if said.Permissions != nil && known.Permitted() && !said.Every {
			t.partly++
		}
	}
	differences := said.Differences(known)
	if len(differences) == 0 {
		t.agree(said.User)
		return nil
	}
	stored, err := within(ctx, d.Timeout, func(ctx context.Context) (string, error) { return d.Stored(ctx, key) })
	switch {
	case err != nil:
		return err
	case d.over(one, known, stored):
		t.ended++
	case stored != "" && one.DataMark != "" && !isMark(one.DataMark, key, stored):
		t.changed++
	default:
		// A new password ends sessions, and explains nothing else.
		newPassword := known.Reason == djangosession.AuthHashMismatch &&
			d.passwordOf(ctx, one, key, known.Session) == other
		t.add(difference{one.Key, differences, newPassword})
	}
	return nil
}

// over reports whether a session has ended since by what Django itself has said of its end, or has gone. One that is
// too large to be read is stored as nothing, and has not gone.
func (d *Side) over(one Sampled, known Known, stored string) bool {
	if stored == "" && known.Reason != djangosession.Unreadable {
		return true
	}
	return one.User != nil && known.Reason == djangosession.Expired && one.Expires != nil &&
		!time.Unix(*one.Expires, 0).After(d.Now())
}

// passwordState says whether the password column of a user is what it was.
type passwordState uint8

const (
	unknown passwordState = iota
	same
	other
)

func (d *Side) passwordOf(ctx context.Context, one Sampled, key string, session *djangosession.Session) passwordState {
	if d.Password == nil || one.PasswordMark == "" || session == nil {
		return unknown
	}
	password, err := within(ctx, d.Timeout, func(ctx context.Context) (string, error) { return d.Password(ctx, session) })
	switch {
	case err != nil: // no such user, for example
		return unknown
	case isMark(one.PasswordMark, key, password):
		return same
	}
	return other
}

// difference is what differs in one session.
type difference struct {
	key         keyhash.Hash
	found       []Difference
	newPassword bool
}

// kind is what has one cause.
type kind struct {
	first Difference
	count int
	names []string
}

// fewPasswords may always be new; in a large sample, one in twenty.
const fewPasswords = 3

// tally counts.
type tally struct {
	users, nobodies int // who are the same
	ended, changed  int
	unpermitted     int
	partly          int  // of whom some permissions are compared
	noGroups        int  // of whom Django failed to say the groups
	noPermissions   int  // or the permissions
	passwordsMatch  bool // of some user: the column is Django's
	differences     []difference
	differ          map[string]*kind
}

func (t *tally) agree(user *string) {
	if user != nil {
		t.users++
	} else {
		t.nobodies++
	}
}

func (t *tally) unsaid(what []string) {
	if slices.Contains(what, "groups") {
		t.noGroups++
	}
	if slices.Contains(what, "permissions") {
		t.noPermissions++
	}
}

func (t *tally) add(d difference) { t.differences = append(t.differences, d) }

// settle sorts the differences by kind. A new password is one only if the column is known to be Django's, and the few
// that people choose between two looks: of a wrong column or a wrong row, many differ.
func (t *tally) settle() {
	left, newPasswords := t.differences[:0], 0
	for _, d := range t.differences {
		if d.newPassword {
			newPasswords++
		}
	}
	few := newPasswords <= max(fewPasswords, t.users/20)
	for _, d := range t.differences {
		if d.newPassword && t.passwordsMatch && few {
			t.changed++
			continue
		}
		left = append(left, d)
		for _, one := range d.found {
			k := t.differ[one.Kind()]
			if k == nil {
				k = &kind{first: one}
				t.differ[one.Kind()] = k
			}
			k.count++
			k.names = append(k.names, d.key.Name())
		}
	}
	t.differences = left
}

// fewUncompared sessions may always be left; in a large sample, one in ten.
const fewUncompared = 3

const fresh = "take a fresh sample, and compare it at once"

func (t *tally) report(sessions, users int, report func(checkup.Finding)) {
	agree := t.users + t.nobodies
	compared := agree + len(t.differences)
	for _, name := range slices.Sorted(maps.Keys(t.differ)) {
		report(t.differ[name].finding(name, compared))
	}
	t.reportRights(report)
	gone := t.ended + t.changed
	tooFew := gone > max(fewUncompared, sessions/10)
	if gone > 0 {
		f := checkup.Finding{
			Grade: checkup.Warn, Name: "against",
			Found: fmt.Sprintf("%d of %s %s not compared (ended since, or not in this store: %d; changed, or its user: "+
				"%d)", gone, checkup.Counted(sessions, "session"), checkup.Plural(gone, "is", "are"), t.ended, t.changed),
			Remedy: fresh,
		}
		if tooFew {
			f.Grade = checkup.Fail
			f.Remedy = "what is not compared proves nothing: " + fresh
		}
		if t.ended == sessions {
			f.Grade = checkup.Fail
			f.Found, f.Remedy = "none of the sample's sessions is in this store", "compare DATABASE_URL, "+
				"DJANGO_SESSION_TABLE and DJANGO_SESSION_FILE_PATH with Django's; or "+fresh
		}
		report(f)
	}
	f := checkup.Finding{Grade: checkup.OK, Name: "against", Found: fmt.Sprintf("%d of %s %s: %d of a user, "+
		"%d nobody's", agree, checkup.Counted(compared, "compared session"), checkup.Plural(agree, "agrees", "agree"),
		t.users, t.nobodies)}
	if gone > 0 {
		f.Found += fmt.Sprintf("; %d of %d %s not compared", gone, sessions, checkup.Plural(gone, "is", "are"))
	}
	switch {
	case len(t.differences) > 0 || compared == 0:
		f.Grade = checkup.Fail
	case users == 0:
		f.Grade, f.Remedy = checkup.Fail, "without a user this proves nothing: log in to the Django site, and "+fresh
	case t.users == 0:
		f.Grade, f.Remedy = checkup.Fail, "no session of a user has been compared: "+fresh
	case tooFew:
		f.Grade, f.Remedy = checkup.Fail, "too few to call the two equal: "+fresh
	}
	report(f)
}

// reportRights says of how many users something has not been compared.
func (t *tally) reportRights(report func(checkup.Finding)) {
	for _, left := range []struct {
		count               int
		what, found, remedy string
	}{
		{
			t.unpermitted, "permissions", "the sidecar refuses to judge permissions here",
			"see what django-sidecar check says of groups, and docs/backends.md",
		},
		{t.noGroups, "groups", "Django failed to say them", "call user.groups.all() in a shell of the project"},
		{
			t.noPermissions, "permissions", "Django failed to say them",
			"call user.get_all_permissions() in a shell of the project",
		},
		{
			t.partly, "permissions", "of each of them some were asked for, as all would have taken too long",
			"compare a smaller sample",
		},
	} {
		if left.count > 0 {
			report(checkup.Finding{
				Grade: checkup.Warn, Name: "against", Remedy: left.remedy,
				Found: fmt.Sprintf("the %s of %s are not compared, or not all: %s",
					left.what, checkup.Counted(left.count, "session"), left.found),
			})
		}
	}
}

// finding is the line for a kind of difference.
func (k *kind) finding(name string, compared int) checkup.Finding {
	const most = 3
	shown := k.names[:min(most, len(k.names))]
	more := ""
	if left := len(k.names) - most; left > 0 {
		more = fmt.Sprintf(" and %d more", left)
	}
	return checkup.Finding{
		Grade: checkup.Fail, Name: "against",
		Found: fmt.Sprintf("%d of %d %s (%s): Django says %s, the sidecar says %s; %s %s%s",
			k.count, compared, checkup.Plural(k.count, "differs", "differ"), name, k.first.Django, k.first.sidecar(),
			checkup.Plural(len(k.names), "session", "sessions"), joined(shown), more),
		Remedy: RemedyOf(name),
	}
}
