package filestore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/filestore"
	"django-sidecar/signing"
)

func ExampleNew() {
	version, secret := djangosession.MustVersion("5.2"), signing.SecretKey("the SECRET_KEY of your Django")
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{Version: version, SecretKey: secret})
	if err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "sessions") // SESSION_FILE_PATH, where Django writes a file for each session
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	data, err := codec.Encode(map[string]any{"cart": 3}, time.Now())
	if err != nil {
		panic(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sessionid3mx1q2nq0w5u7zr8c4v6b9l0k7j5h3gf"), []byte(data), 0o600); err != nil {
		panic(err)
	}

	store, err := filestore.New(filestore.Config{
		Dir: dir, Codec: codec, Version: version, CookieAge: 14 * 24 * time.Hour, // SESSION_COOKIE_AGE
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
