//go:build bench

package main

import (
	"context"
	"encoding/json"
	"net/http"

	"django-sidecar/djangosite"
)

// serveLibrary answers as one would write it from docs/library.md.
func serveLibrary(listen string) error {
	site, err := djangosite.FromEnv(context.Background())
	if err != nil {
		return err
	}
	defer site.Close()
	mux := http.NewServeMux()
	mux.Handle("/authenticate", site.RequireUser(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := djangosite.User(r.Context())
		w.Header().Set("Content-Type", "application/json")
		a := answerJSON{Result: true, User: &userJSON{ID: user.ID, Username: user.Name()}}
		_ = json.NewEncoder(w).Encode(a) // the client may be gone
	})))
	return http.ListenAndServe(listen, mux) //nolint:gosec // no timeouts: the load is ours
}
