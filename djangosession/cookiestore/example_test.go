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
