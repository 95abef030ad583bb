// Package middleware is what package djangosite and package guard below it share, and nobody else sees: where they
// learn who asks, and how they refuse.
package middleware

import (
	"context"
	"errors"
	"mime/multipart"
	"net/http"

	"django-sidecar/djangosession"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/reply"
)

// Source finds out who asks, and what that user may do: from the site's tables, or from a sidecar.
type Source interface {
	// Verify gives the verdict on Cookie headers.
	Verify(ctx context.Context, cookies []string) (djangosession.Verdict, error)
	// Access finds what the user of these Cookie headers may do, or as much of it as the demands name. The error is
	// ErrEnded, gateway.ErrNoAccess, or says that nobody could find out.
	Access(
		ctx context.Context, cookies []string, user *djangosession.User, demands gateway.Requirements,
	) (djangosession.Access, error)
	// Ready says whether the others could be answered.
	Ready(ctx context.Context) error
	Close()
}

// ErrEnded says that the session has ended after the verdict on it.
var ErrEnded = errors.New("the session has ended meanwhile")

// Page makes the page of a refusal in place of its JSON; nil leaves the JSON.
type Page = func(r *http.Request, status int, message string) (html []byte)

// Refuse answers a request by a refusal or a redirect. page may be nil.
func Refuse(w http.ResponseWriter, r *http.Request, told reply.Reply, page Page) {
	h := w.Header()
	for _, field := range told.Header {
		h.Set(field.Name, field.Value)
	}
	h.Set("Cache-Control", "no-store")
	var body []byte
	if page != nil && told.Status >= http.StatusBadRequest {
		body = page(r, told.Status, told.Message)
	}
	switch {
	case body != nil:
		h.Set("Content-Type", "text/html; charset=utf-8")
	case told.Message != "":
		body = told.JSON()
		h.Set("Content-Type", "application/json")
	}
	w.WriteHeader(told.Status)
	_, _ = w.Write(body) // whoever asked may be gone
}

// RemoveFiles removes the files of a form that was read while a request was answered. net/http does so for its own
// request, and knows nothing of a copy's. had is the form that was there before.
func RemoveFiles(r *http.Request, had *multipart.Form) {
	if r.MultipartForm != nil && r.MultipartForm != had {
		_ = r.MultipartForm.RemoveAll() // somebody may have removed them
	}
}
