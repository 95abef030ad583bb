package dbstore_test

import (
	"database/sql"
	"fmt"
	"net/http"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/signing"
)

// hello greets users of a Django 5.2 that keeps sessions in PostgreSQL.
func hello(db *sql.DB, secretKey string) (http.Handler, error) {
	version, err := djangosession.ParseVersion("5.2")
	if err != nil {
		return nil, err
	}
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{Version: version, SecretKey: signing.SecretKey(secretKey)})
	if err != nil {
		return nil, err
	}
	sessions := dbstore.NewSessions(db, codec, dbstore.SessionsConfig{Dialect: dbstore.Postgres})
	users := dbstore.NewUsers(db, dbstore.UsersConfig{Dialect: dbstore.Postgres, Version: version})
	verifier, err := djangosession.NewVerifier(djangosession.VerifierConfig{
		Version: version, SecretKey: signing.SecretKey(secretKey),
		AuthenticationBackends: []string{"django.contrib.auth.backends.ModelBackend"},
	}, sessions, users)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := djangosession.SessionKey(r.Header["Cookie"], "sessionid")
		verdict, err := verifier.Verify(r.Context(), key)
		switch {
		case err != nil: // a store failed: nobody is logged out
			http.Error(w, "The login session could not be checked.", http.StatusServiceUnavailable)
		case verdict.User == nil: // verdict.Reason says why
			http.Error(w, "Please log in.", http.StatusUnauthorized)
		default:
			fmt.Fprintf(w, "Hello, user %s!\n", verdict.User.ID)
		}
	}), nil
}

func Example() {
	db := new(sql.DB) // sql.Open("postgres", "postgres://…"), with the driver of your choice
	handler, err := hello(db, "the SECRET_KEY of your Django")
	if err != nil {
		panic(err)
	}
	http.Handle("/hello", handler)
}
