package djangosession_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

func ExampleSessionKey() {
	// r.Header["Cookie"] of a *http.Request. Django takes the last of two cookies of one name, and unquotes it.
	header := []string{`csrftoken=abc; sessionid=stale; sessionid="3mx1q2nq0w5u7zr8c4v6b9l0k7j5h3g\146"`}
	fmt.Println(djangosession.SessionKey(header, "sessionid"))
	fmt.Printf("%q\n", djangosession.SessionKey(header, "sid"))
	// Output:
	// 3mx1q2nq0w5u7zr8c4v6b9l0k7j5h3gf
	// ""
}

func ExampleParseVersion() {
	version, err := djangosession.ParseVersion("5.2")
	fmt.Println(version, err)

	_, err = djangosession.ParseVersion("1.8")
	fmt.Println(err)
	// Output:
	// 5.2 <nil>
	// django 1.8 is not among the known versions, 1.11 to 6.1
}

func ExampleNewCodec() {
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{
		Version:   djangosession.Version{Major: 5, Minor: 2, Patch: djangosession.LatestPatch},
		SecretKey: signing.SecretKey("s3cret"),
	})
	if err != nil {
		panic(err)
	}
	data, err := codec.Encode(map[string]any{"cart": []int{1, 2}}, time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	fmt.Println(data, err) // as Django's SessionStore.encode writes it into session_data

	session, err := codec.Decode(data)
	fmt.Println(session.JSON(), session.Lookup("cart").JSON(), err)
	fmt.Println("signed by", session.SignedBy)

	_, err = codec.Decode(data + "x")
	fmt.Println(errors.Is(err, signing.ErrBadSignature))
	// Output:
	// eyJjYXJ0IjpbMSwyXX0:1xV6Ei:grPXxuLfabMBstRpXie_AzgKAwRPqP6kOSQZOoEW1Ec <nil>
	// {"cart":[1,2]} [1,2] <nil>
	// signed by SECRET_KEY (sha256)
	// true
}

func ExampleNewVerifier() {
	version := djangosession.Version{Major: 5, Minor: 2, Patch: djangosession.LatestPatch}
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{Version: version, SecretKey: signing.SecretKey("s3cret")})
	if err != nil {
		panic(err)
	}
	// The stores of package dbstore read Django's tables; these two hold one row each.
	sessions := storeFunc(func(_ context.Context, key string) (*djangosession.Session, error) {
		if key != "3mx1q2nq0w5u7zr8c4v6b9l0k7j5h3gf" {
			return nil, djangosession.ErrNotFound
		}
		return codec.Decode(".eJxVjMsOwiAQRf-FtSHDG1y69xvIwKBUDSSlXRn_3TbpQrfnnHvfLOK61LiOMseJ2JlpyU6_MGF-lrYbemC7d557W-Yp8T3hhx382qm8Lkf7d1Bx" +
			"1G3trVcmO1XQFeeSCMGAThvwHkhJQd7koIW0oAwpAMoabwatNAWcBsE-X9ydNrM:1xV6Ei:DGKQyUwkNWfvXjdGUiF2IsHKDUvytn0zpu-Q6aQhMLg")
	})
	users := usersFunc(func(_ context.Context, id djangosession.Value) (*djangosession.StoredUser, error) {
		pk, err := djangosession.IntegerKey.ToPython(id, version)
		if err != nil {
			return nil, err
		}
		if pk != "42" {
			return nil, djangosession.ErrUserNotFound
		}
		name := "ada"
		return &djangosession.StoredUser{
			User:     djangosession.User{ID: pk, Username: &name},
			IsActive: djangosession.True,
			Password: "pbkdf2_sha256$1$salt$hash",
		}, nil
	})
	verifier, err := djangosession.NewVerifier(djangosession.VerifierConfig{
		Version: version, SecretKey: signing.SecretKey("s3cret"),
		AuthenticationBackends: []string{"django.contrib.auth.backends.ModelBackend"},
	}, sessions, users)
	if err != nil {
		panic(err)
	}

	for _, header := range []string{"sessionid=3mx1q2nq0w5u7zr8c4v6b9l0k7j5h3gf", "sessionid=another-key", "theme=dark"} {
		verdict, err := verifier.Verify(context.Background(), djangosession.SessionKey([]string{header}, "sessionid"))
		switch {
		case err != nil:
			fmt.Println("could not find out:", err)
		case verdict.User == nil:
			fmt.Println("nobody:", verdict.Reason)
		default:
			fmt.Println("user", verdict.User.ID, *verdict.User.Username)
		}
	}
	// Output:
	// user 42 ada
	// nobody: not_found
	// nobody: no_cookie
}

func ExampleParseSession() {
	// What a store of your own has read that Django does not sign, as in a cache.
	version := djangosession.MustVersion("5.2")
	session, err := djangosession.ParseSession([]byte(`{"cart": ["tea"]}`), djangosession.JSON, version, 0)
	if err != nil {
		panic(err)
	}
	fmt.Println(session.Lookup("cart").JSON())

	_, err = djangosession.ParseSession([]byte(`["tea"]`), djangosession.JSON, version, 0)
	fmt.Println(djangosession.IsAnswer(err)) // to Django it is no session, and no store has failed
	// Output:
	// ["tea"]
	// true
}

func ExampleSession_Set() {
	s := djangosession.NewSession(djangosession.MustVersion("5.2"))
	fmt.Println(s.Set("cart", map[string]int{"tea": 2}), s.Set("seen", true), s.Delete("seen"))
	fmt.Println(s.JSON(), s.Lookup("cart").Kind() == djangosession.Object)
	// Output:
	// <nil> <nil> <nil>
	// {"cart":{"tea":2}} true
}

func ExampleValueOf() {
	version := djangosession.MustVersion("5.2")
	id, err := djangosession.ValueOf(version, 42) // for UserStore.UserByID
	fmt.Println(id.Kind() == djangosession.Int, id.JSON(), err)

	_, err = djangosession.ValueOf(version, "\xff") // no text of Python's
	fmt.Println(err)
	// Output:
	// true 42 <nil>
	// making a value: a text that is not UTF-8
}

func ExampleNewSessionKey() {
	key := djangosession.NewSessionKey()
	fmt.Println(len(key), djangosession.ValidSessionKey(key))
	// Output: 32 true
}
