package cookiestore_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/cookiestore"
	"django-sidecar/signing"
)

func ExampleNew() {
	store, err := cookiestore.New(cookiestore.Config{
		Version: djangosession.MustVersion("5.2"), SecretKey: signing.SecretKey("the SECRET_KEY of your Django"),
		MaxAge: 14 * 24 * time.Hour, // SESSION_COOKIE_AGE
	})
	if err != nil {
		panic(err)
	}
	// The session key is the cookie's whole value.
	_, err = store.Load(context.Background(), "eyJjYXJ0IjozfQ:1xV6Ei:a-signature-of-somebody-else")
	fmt.Println(errors.Is(err, signing.ErrBadSignature))
	// Output: true
}

func ExampleStore_Seal() {
	version := djangosession.MustVersion("5.2")
	store, err := cookiestore.New(cookiestore.Config{
		Version: version, SecretKey: signing.SecretKey("the SECRET_KEY of your Django"), MaxAge: 14 * 24 * time.Hour,
	})
	if err != nil {
		panic(err)
	}
	session := djangosession.NewSession(version)
	if err := session.Set("cart", []string{"tea"}); err != nil {
		panic(err)
	}
	cookie, err := store.Seal(session) // the value of the session's cookie
	if err != nil {
		panic(err)
	}
	read, err := store.Load(context.Background(), cookie)
	if err != nil {
		panic(err)
	}
	fmt.Println(read.JSON())
	// Output: {"cart":["tea"]}
}
