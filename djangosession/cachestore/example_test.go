package cachestore_test

import (
	"context"
	"fmt"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/cachestore"
)

// memory is a cache. A real one asks a server for the key.
type memory map[string]string

// Get implements cachestore.Getter.
func (m memory) Get(_ context.Context, key string) (value []byte, expires time.Time, err error) {
	text, ok := m[key]
	if !ok {
		return nil, time.Time{}, djangosession.ErrNotFound
	}
	return []byte(text), time.Time{}, nil
}

func ExampleNew() {
	store, err := cachestore.New(cachestore.Config{
		Version: djangosession.MustVersion("5.2"), Serializer: djangosession.JSON,
		// KEY_PREFIX "", VERSION 1, and the prefix of backends/cache.py
		Cache: memory{":1:django.contrib.sessions.cache3mx1q2nq0w5u7zr8c4v6b9l0k7j5h3gf": `{"cart": 3}`},
	})
	if err != nil {
		panic(err)
	}
	session, err := store.Load(context.Background(), "3mx1q2nq0w5u7zr8c4v6b9l0k7j5h3gf")
	if err != nil {
		panic(err)
	}
	fmt.Println(session.Lookup("cart").JSON())
	// Output: 3
}
