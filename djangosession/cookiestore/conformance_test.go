package cookiestore_test

import (
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/cookiestore"
	"django-sidecar/djangosession/storetest"
	"django-sidecar/signing"
)

// TestConformance: nothing deletes a signed cookie, and nothing breaks the store.
func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		clock := time.Now()
		store := open(t, cookiestore.Config{Version: django52, MaxAge: time.Hour, Now: func() time.Time { return clock }})
		entries := map[string]map[string]any{} // by key
		put := func(values map[string]any, at time.Time) string {
			key := dumps(t, signing.Options{}, encode(t, values), at)
			entries[key] = values
			return key
		}
		return storetest.Harness{
			Store: store,
			Put: func(_ *testing.T, s storetest.SessionToStore) string {
				return put(s.Entries, s.ExpireDate.Add(-time.Hour))
			},
			Expire: func(_ *testing.T, key string) string {
				return put(entries[key], clock.Add(-time.Hour-time.Second))
			},
			Corrupt: func(_ *testing.T, key string) string {
				return strings.Replace(key, ":", "0:", 1)
			},
			Corrupted: signing.ErrBadSignature, TellsExpired: true, NoIO: true, Secrets: []string{secret},
		}
	})
}

// encode is json.dumps of the entries, as the codec writes them.
func encode(t *testing.T, entries map[string]any) string {
	t.Helper()
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{Version: django52, SecretKey: signing.SecretKey(secret)})
	if err != nil {
		t.Fatal(err)
	}
	data, err := codec.Encode(entries, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	session, err := codec.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return session.JSON()
}
