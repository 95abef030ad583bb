package messages_test

import (
	"fmt"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite/messages"
	"django-sidecar/signing"
)

func ExampleNew() {
	f, err := messages.New(messages.Options{
		Version: djangosession.MustVersion("5.2"), SecretKey: signing.SecretKey("s3cret"), Storage: messages.CookieStorage,
	})
	if err != nil {
		panic(err)
	}
	nothing := func() (string, bool, error) { return "", false, nil } // in the session
	page := f.Storage("", nothing)
	page.Add(messages.Message{Level: messages.Success, Text: "Saved.", ExtraTags: "big"})
	changes, err := page.Update(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	fmt.Println(*changes.Cookie, err) // for Set-Cookie

	next := f.Storage(*changes.Cookie, nothing)
	list, err := next.All()
	fmt.Println(list[0].Text, list[0].Tags(), err)
	// Output:
	// W1siX19qc29uX21lc3NhZ2UiLDAsMjUsIlNhdmVkLiIsImJpZyJdXQ:1xV6Ei:-FzKcJDz5akGsPZV9ih62WEIMghfP0DvIs_OxspdDKE <nil>
	// Saved. big success <nil>
}
