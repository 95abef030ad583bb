package tokens_test

import (
	"fmt"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite/tokens"
	"django-sidecar/signing"
)

func ExampleNew() {
	g, err := tokens.New(tokens.Options{
		Version: djangosession.MustVersion("5.2"), SecretKey: signing.SecretKey("s3cret"), TimeZone: time.UTC,
	})
	if err != nil {
		panic(err)
	}
	// The row of a user who has never logged in; djangosite.Site reads it from the table.
	ada := tokens.User{ID: "42", Password: "pbkdf2_sha256$1$salt$hash", Email: "ada@example.com"}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	token := g.Make(ada, now)
	fmt.Println("/reset/" + tokens.EncodeUID(ada.ID) + "/" + token + "/")
	fmt.Println(g.Check(ada, token, now.Add(time.Hour)), g.Check(ada, token, now.Add(4*24*time.Hour)))

	ada.Password = "pbkdf2_sha256$1$salt$another"
	fmt.Println(g.Check(ada, token, now.Add(time.Hour)))
	// Output:
	// /reset/NDI/dig1c0-ff7ff42e6e6aa3939fe4a8d69ff43ecd/
	// true false
	// false
}

func ExampleDecodeUID() {
	id, err := tokens.DecodeUID("NDI")
	fmt.Println(id, err)
	// Output:
	// 42 <nil>
}
