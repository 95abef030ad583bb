package verdictcache

import (
	"hash/maphash"
	"strings"
	"time"

	"django-sidecar/djangosession"
)

// kept is a verdict with a user. What is handed out of it, the user, is not written to again, even when it is kept no
// longer. Its fields are in an order that has it fit into 144 bytes, which is what Go allocates.
type kept struct {
	user  djangosession.User
	names [2]string // user.Username and user.Email point here; with user.ID, they share one allocation

	id      SessionID
	asked   instant
	seconds int64 // the session's end
	nanos   int32

	sound bool // whether invalidation was sound when it was asked
	used  bool // since the hand of the clock came by

	bySession          *kept // the next one in its bucket
	byUser, beforeUser *kept // the neighbours in its bucket
}

// keptBytes is what a kept takes without its texts: the struct, and its share of two lists of buckets, which are
// between half full and full.
const keptBytes = 144 + 24

func newKept(id SessionID, user *djangosession.User, expires time.Time) *kept {
	k := &kept{id: id, user: *user, seconds: expires.Unix(), nanos: int32(expires.Nanosecond())} //nolint:gosec // below a billion
	username, email := text(user.Username), text(user.Email)
	var all strings.Builder // of its own: the driver's texts may be parts of large ones
	all.Grow(len(user.ID) + len(username) + len(email))
	all.WriteString(user.ID)
	all.WriteString(username)
	all.WriteString(email)
	s := all.String()
	k.user.ID, s = s[:len(user.ID)], s[len(user.ID):]
	k.names[0], k.names[1] = s[:len(username)], s[len(username):]
	if user.Username != nil {
		k.user.Username = &k.names[0]
	}
	if user.Email != nil {
		k.user.Email = &k.names[1]
	}
	return k
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (k *kept) bytes() int64 {
	texts := len(k.user.ID) + len(k.names[0]) + len(k.names[1])
	return keptBytes + int64(texts+15)&^15 // as Go rounds up what it allocates
}

// expires returns the session's end, the zero Time where it is not known.
func (k *kept) expires() time.Time { return time.Unix(k.seconds, int64(k.nanos)).UTC() }

// ended is Django's rule turned round: a session lives while expire_date > now.
func ended(expires, now time.Time) bool { return !expires.IsZero() && !expires.After(now) }

// alive reports whether k may still be told. A session whose end is not known may end without anybody's notice.
func (k *kept) alive(a ages, wall time.Time, at instant) bool {
	expires := k.expires()
	return fresh(at.since(k.asked), a.limit(k.sound && !expires.IsZero())) && !ended(expires, wall)
}

// table finds verdicts by session and by user. Chains of our own take a third of the memory of two maps, and their
// buckets are what the hand of the clock goes round. The zero table is empty.
type table struct {
	bySession, byUser []*kept // as many of each, a power of two
	mask              uint64  // one less than that
	n                 int
	hand              uint64
}

func (t *table) find(id SessionID, hash uint64) *kept {
	if t.n == 0 {
		return nil
	}
	k := t.bySession[hash&t.mask]
	for k != nil && k.id != id {
		k = k.bySession
	}
	return k
}

// insert puts in k, whose session must not be there.
func (t *table) insert(seed maphash.Seed, k *kept, session, user uint64) {
	if t.n == len(t.bySession) {
		t.grow(seed)
	}
	t.link(k, session, user)
	t.n++
}

func (t *table) link(k *kept, session, user uint64) {
	head := &t.bySession[session&t.mask]
	k.bySession, *head = *head, k

	head = &t.byUser[user&t.mask]
	k.byUser, k.beforeUser = *head, nil
	if k.byUser != nil {
		k.byUser.beforeUser = k
	}
	*head = k
}

func (t *table) grow(seed maphash.Seed) {
	old := t.bySession
	size := max(16, 2*len(old))
	t.bySession, t.byUser, t.mask = make([]*kept, size), make([]*kept, size), uint64(size-1)
	for _, k := range old {
		for k != nil {
			next := k.bySession
			t.link(k, maphash.Bytes(seed, k.id[:]), maphash.String(seed, k.user.ID))
			k = next
		}
	}
}

// remove takes out k, which must be there, and returns its bytes.
func (t *table) remove(seed maphash.Seed, k *kept) int64 {
	at := &t.bySession[maphash.Bytes(seed, k.id[:])&t.mask]
	for *at != k {
		at = &(*at).bySession
	}
	*at = k.bySession

	if k.beforeUser != nil {
		k.beforeUser.byUser = k.byUser
	} else {
		t.byUser[maphash.String(seed, k.user.ID)&t.mask] = k.byUser
	}
	if k.byUser != nil {
		k.byUser.beforeUser = k.beforeUser
	}
	k.bySession, k.byUser, k.beforeUser = nil, nil, nil // whoever still has the user must not hold on to the others
	t.n--
	return k.bytes()
}

// victim returns the verdict to displace, nil if there is none: one that may not be told any more, or that nobody has
// asked for since the hand last came by (the CLOCK algorithm).
func (t *table) victim(a ages, wall time.Time, at instant) *kept {
	if t.n == 0 {
		return nil
	}
	for { // once round at most, and to the first one again
		bucket := t.bySession[t.hand&t.mask]
		for k := bucket; k != nil; k = k.bySession {
			if !k.alive(a, wall, at) {
				return k
			}
		}
		t.hand++ // even when there is a victim: the others in the bucket have until the next round
		for k := bucket; k != nil; k = k.bySession {
			if !k.used {
				return k
			}
			k.used = false
		}
	}
}

// ofUser returns the verdicts on the user whose ID is id.
func (t *table) ofUser(id string, hash uint64) []*kept {
	if t.n == 0 {
		return nil
	}
	var found []*kept
	for k := t.byUser[hash&t.mask]; k != nil; k = k.byUser {
		if k.user.ID == id {
			found = append(found, k)
		}
	}
	return found
}
