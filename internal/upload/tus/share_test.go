package tus_test

import (
	"bytes"
	"strconv"
	"sync"
	"testing"

	"django-sidecar/internal/reply"
	"django-sidecar/internal/upload/tus"
)

// TestBytesOfAUser: what a user's unfinished uploads announce, or have without having announced it, is limited together,
// whatever he does, across restarts, and for each user apart.
func TestBytesOfAUser(t *testing.T) {
	const most = 100_000
	s := newSite(t, func(o *tus.Options) { o.MaxOpenBytesPerUser = most })
	post := func(status int, h ...string) { t.Helper(); s.do("POST", "/tus/", h, nil).want(t, status) }
	first := s.create(60_000, "a.bin")
	post(413, "Upload-Length", "40001")
	post(413, "Upload-Length", "40001", "Cookie", "sessionid=alice2") // another session of hers
	post(201, "Upload-Length", strconv.Itoa(most), "Cookie", "sessionid=bob")
	deferred := s.create(-1, "b.bin")
	s.patch(deferred, 0, make([]byte, 30_000)).want(t, 204)
	post(413, "Upload-Length", "10001")
	s.patch(deferred, 30_000, make([]byte, 10_001)).want(t, 413)
	s.patch(deferred, 30_000, nil, "Upload-Length", "40001").want(t, 413)
	s.restart()
	post(413, "Upload-Length", "10001")
	s.patch(deferred, 30_000, make([]byte, 10_001)).want(t, 413)
	s.patch(first, 0, make([]byte, 60_000)).want(t, 204) // finished: it counts no more
	s.patch(deferred, 30_000, make([]byte, 10_001), "Upload-Length", "70000").want(t, 204)
	post(413, "Upload-Length", "30001")
	s.do("DELETE", deferred, nil, nil).want(t, 204)
	s.create(most, "c.bin")
	post(413, "Upload-Length", "1")
	s.do("POST", "/tus/", headers{"Upload-Defer-Length", "1", "Content-Type", octets}, bytes.NewReader([]byte("x"))).want(t, 413)
	s.expectNoReports()
}

// TestSharedState: what another process on the same directory begins and ends counts from the next sweep.
func TestSharedState(t *testing.T) {
	s := newSite(t, func(o *tus.Options) { o.MaxOpenPerUser, o.MaxOpenBytesPerUser = 2, 1000 })
	options := s.options
	options.Media = openMedia(t, s.root, s.state)
	other, err := tus.New(options)
	if err != nil {
		t.Fatal(err)
	}
	sweep := func() {
		t.Helper()
		if err := other.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	removed, finished := s.create(500, "a.bin"), s.create(500, "b.bin")
	sweep()
	if files, bytes := other.Unfinished("1"); files != 2 || bytes != 1000 || options.Media.Promised("1") == 0 {
		t.Errorf("%d files with %d bytes, %d promised", files, bytes, options.Media.Promised("1"))
	}
	s.do("DELETE", removed, nil, nil).want(t, 204)
	s.patch(finished, 0, make([]byte, 500)).want(t, 204)
	sweep()
	if files, bytes := other.Unfinished("1"); files != 0 || bytes != 0 || options.Media.Promised("1") != 0 {
		t.Errorf("%d files with %d bytes, %d promised", files, bytes, options.Media.Promised("1"))
	}
}

// TestBodiesAreCounted: a request that brings a body is counted while it does, and one that brings none is not.
func TestBodiesAreCounted(t *testing.T) {
	var (
		mu       sync.Mutex
		entered  []string
		going    int
		refusing bool
	)
	s := newSite(t, nil)
	s.enter = func(user string) (func(), error) {
		mu.Lock()
		defer mu.Unlock()
		if refusing {
			return nil, reply.TooManyAtOnce
		}
		entered = append(entered, user)
		going++
		return func() {
			mu.Lock()
			defer mu.Unlock()
			going--
		}, nil
	}
	want := func(n int) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if len(entered) != n || going != 0 {
			t.Errorf("%v have entered, and %d are there", entered, going)
		}
	}
	path := s.create(6, "a.txt")
	s.offset(path)
	want(0)
	s.patch(path, 0, []byte("abc")).want(t, 204)
	s.patch(path, 9, []byte("abc")).want(t, 409)
	s.do("POST", "/tus/", headers{"Upload-Length", "3", "Upload-Metadata", meta("b.txt"), "Content-Type", octets}, bytes.NewReader([]byte("abc"))).want(t, 201)
	want(3)
	before := len(files(t, s.state))
	refusing = true
	a := s.patch(path, 3, []byte("abc")).want(t, 429)
	s.do("POST", "/tus/", headers{"Upload-Length", "3", "Upload-Metadata", meta("b.txt"), "Content-Type", octets}, bytes.NewReader([]byte("abc"))).want(t, 429)
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	refusing = false
	if n := s.offset(path); n != 3 {
		t.Errorf("the offset is %d", n)
	}
	if len(files(t, s.state)) != before {
		t.Error("a refused upload has left something")
	}
}
