// Package handlers is the HTTP side: it takes a verdict to a status, headers and a
// JSON body, and writes one log event a request.
//
// It is the only package that imports Echo, whose next major version changes
// every handler: New and NewAdmin return http.Handler. It knows no store and no
// signature; it asks a Verifier. What each outcome becomes stands in one table,
// in answer.go.
package handlers
