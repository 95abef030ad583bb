package verdictcache

import (
	"hash/maphash"
	"iter"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
)

// kept is a verdict with a user. It holds no pointer, so the garbage collector does not scan it, however many there
// are.
type kept struct {
	id      keyhash.Hash
	asked   instant
	seconds int64 // the session's end
	nanos   int32

	bySession          place // the next one in its bucket, or of those that are free
	byUser, beforeUser place // the neighbours in its bucket

	userID, username, email uint16 // the lengths of the texts
	hasUsername, hasEmail   bool
	isStaff, isSuperuser    djangosession.Flag

	fresh bool // whether the cache heard of every change when the store was asked
	used  bool // since the hand of the clock last came by

	texts [textBytes]byte // the user's, one after the other, if there is room for them: else they are in table.long
	login loginPrefix     // zero where there is none; behind what every hit looks at
}

// textBytes has room for a UUID and twice an e-mail address of the usual length, and makes a kept one of 160 bytes.
const textBytes = 76

// keptBytes is what a kept takes: itself, and its share of two lists of buckets, which are between half full and full.
const keptBytes = 160 + 16

// bytesOf is what a verdict on a user takes.
func bytesOf(user *djangosession.User) int64 {
	return bytesWith(len(user.ID) + len(text(user.Username)) + len(text(user.Email)))
}

// bytesWith is bytesOf for texts of so many bytes. Texts without room in the verdict have an entry in table.long.
func bytesWith(texts int) int64 {
	if texts <= textBytes {
		return keptBytes
	}
	return keptBytes + 64 + int64(texts+15)&^15
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// expires returns the session's end, the zero Time where it is not known.
func (k *kept) expires() time.Time { return time.Unix(k.seconds, int64(k.nanos)).UTC() }

// ended is Django's rule turned round: a session lives while expire_date > now.
func ended(expires, now time.Time) bool { return !expires.IsZero() && !expires.After(now) }

// alive reports whether k may still be returned. A session whose end is not known gets no more than the TTL: it may
// end without a change.
func (k *kept) alive(a *ages, wall time.Time, at instant) bool {
	expires := k.expires()
	return a.usable(k.asked, at, k.fresh && !expires.IsZero()) && !ended(expires, wall)
}

// place is the number of a verdict's entry in a table, from 1; 0 is none.
type place uint32

// slab is how many verdicts a table gets room for at a time.
const slab = 64

// table finds verdicts by session and by user. The zero table is empty.
//
// Verdicts lie in slabs of entries of one size, and a place is the number of an entry. Two arrays of buckets, by
// session and by user, chain the entries by their places; this takes a third of the memory of two maps. The CLOCK
// algorithm chooses the verdict to evict: its hand goes round the buckets of sessions, and spares what was used since
// it last came by.
type table struct {
	bySession, byUser []place // as many of each, a power of two
	mask              uint64  // one less than that
	n                 int
	hand              uint64

	slabs []*[slab]kept
	free  place            // the first free entry; bySession chains the others
	long  map[place]string // the texts that have no room in their entry
}

func (t *table) at(p place) *kept { return &t.slabs[(p-1)/slab][(p-1)%slab] }

// find returns the place of a session's verdict.
func (t *table) find(id keyhash.Hash, hash uint64) (place, *kept) {
	if t.n == 0 {
		return 0, nil
	}
	for p := t.bySession[hash&t.mask]; p != 0; {
		k := t.at(p)
		if k.id == id {
			return p, k
		}
		p = k.bySession
	}
	return 0, nil
}

// has returns the verdict at p if it has this login, and nil otherwise. p may be any number.
func (t *table) has(p place, l loginPrefix) *kept {
	if p == 0 || int(p) > len(t.slabs)*slab {
		return nil
	}
	if k := t.at(p); k.login == l {
		return k
	}
	return nil
}

// user returns the user of a verdict, as a copy.
func (t *table) user(p place, k *kept) *djangosession.User {
	texts := t.textsOf(p, k)
	u := &struct {
		djangosession.User
		username, email string // where the pointers point to: one allocation for all
	}{User: djangosession.User{ID: texts[:k.userID], IsStaff: k.isStaff, IsSuperuser: k.isSuperuser}}
	u.username, u.email = texts[k.userID:k.userID+k.username], texts[k.userID+k.username:]
	if k.hasUsername {
		u.Username = &u.username
	}
	if k.hasEmail {
		u.Email = &u.email
	}
	return &u.User
}

func (k *kept) textLength() int { return int(k.userID) + int(k.username) + int(k.email) }

func (t *table) textsOf(p place, k *kept) string {
	if n := k.textLength(); n <= textBytes {
		return string(k.texts[:n])
	}
	return t.long[p]
}

// idOf returns the ID of a verdict's user. The bytes are the table's own: read them at once, and do not keep them.
func (t *table) idOf(p place, k *kept) []byte {
	if k.textLength() <= textBytes {
		return k.texts[:k.userID]
	}
	return []byte(t.long[p][:k.userID])
}

// insert adds a verdict on the user u. The session must not be in the table yet, and bytesOf(u) must be at most
// maxAnswerBytes.
func (t *table) insert(seed maphash.Seed, verdict *kept, u *djangosession.User, session, user uint64) place {
	if t.n == len(t.bySession) {
		t.grow(seed)
	}
	p := t.room()
	k := t.at(p)
	*k = *verdict
	username, email := text(u.Username), text(u.Email)
	k.userID, k.username, k.email = uint16(len(u.ID)), uint16(len(username)), uint16(len(email)) //nolint:gosec // see above
	k.hasUsername, k.hasEmail, k.isStaff, k.isSuperuser = u.Username != nil, u.Email != nil, u.IsStaff, u.IsSuperuser
	if texts := append(append(append(k.texts[:0], u.ID...), username...), email...); len(texts) > textBytes {
		if t.long == nil {
			t.long = map[place]string{}
		}
		t.long[p] = string(texts)
	}
	t.link(p, k, session, user)
	t.n++
	return p
}

// room takes a free place. It adds a slab when there is none.
func (t *table) room() place {
	if t.free == 0 {
		t.slabs = append(t.slabs, new([slab]kept))
		for i := range place(slab) {
			p := place(len(t.slabs)*slab) - i //nolint:gosec // far below the memory there is
			t.at(p).bySession, t.free = t.free, p
		}
	}
	p := t.free
	t.free = t.at(p).bySession
	return p
}

func (t *table) link(p place, k *kept, session, user uint64) {
	head := &t.bySession[session&t.mask]
	k.bySession, *head = *head, p

	head = &t.byUser[user&t.mask]
	k.byUser, k.beforeUser = *head, 0
	if k.byUser != 0 {
		t.at(k.byUser).beforeUser = p
	}
	*head = p
}

func (t *table) grow(seed maphash.Seed) {
	old := t.bySession
	size := max(16, 2*len(old))
	t.bySession, t.byUser, t.mask = make([]place, size), make([]place, size), uint64(size-1)
	for _, p := range old {
		for p != 0 {
			k := t.at(p)
			next := k.bySession
			t.link(p, k, maphash.Bytes(seed, k.id[:]), maphash.Bytes(seed, t.idOf(p, k)))
			p = next
		}
	}
}

// remove removes the verdict at p, and returns its bytes. There must be one.
func (t *table) remove(seed maphash.Seed, p place) int64 {
	k := t.at(p)
	at := &t.bySession[maphash.Bytes(seed, k.id[:])&t.mask]
	for *at != p {
		at = &t.at(*at).bySession
	}
	*at = k.bySession

	if k.beforeUser != 0 {
		t.at(k.beforeUser).byUser = k.byUser
	} else {
		t.byUser[maphash.Bytes(seed, t.idOf(p, k))&t.mask] = k.byUser
	}
	if k.byUser != 0 {
		t.at(k.byUser).beforeUser = k.beforeUser
	}
	bytes := t.bytes(p)
	delete(t.long, p)
	*k = kept{bySession: t.free}
	t.free = p
	t.n--
	return bytes
}

// bytes is the bytesOf the verdict at p.
func (t *table) bytes(p place) int64 { return bytesWith(t.at(p).textLength()) }

// all yields the place of every verdict.
func (t *table) all() iter.Seq[place] {
	return func(yield func(place) bool) {
		for _, p := range t.bySession {
			for p != 0 {
				next := t.at(p).bySession
				if !yield(p) {
					return
				}
				p = next
			}
		}
	}
}

// victim returns the place of the verdict to evict, 0 if the table is empty: one that is too old, or that was not
// used since the hand last came by (the CLOCK algorithm).
func (t *table) victim(a *ages, wall time.Time, at instant) place {
	if t.n == 0 {
		return 0
	}
	for { // once round at most, and to the first one again
		bucket := t.bySession[t.hand&t.mask]
		for p := bucket; p != 0; p = t.at(p).bySession {
			if !t.at(p).alive(a, wall, at) {
				return p
			}
		}
		t.hand++ // even when there is a victim: the others in the bucket have until the next round
		for p := bucket; p != 0; p = t.at(p).bySession {
			if !t.at(p).used {
				return p
			}
			t.at(p).used = false
		}
	}
}

// ofUser returns the places of the verdicts on the user whose ID is id.
func (t *table) ofUser(id string, hash uint64) []place {
	if t.n == 0 {
		return nil
	}
	var found []place
	for p := t.byUser[hash&t.mask]; p != 0; p = t.at(p).byUser {
		if string(t.idOf(p, t.at(p))) == id {
			found = append(found, p)
		}
	}
	return found
}
