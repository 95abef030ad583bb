// Package handlers is the HTTP side of django-sidecar: it takes a verdict to a status, headers and a
// JSON body, and writes one log event a request.
//
// It is a part of the program, and not of the library: its options are made of internal packages, and no other
// program can use it. A Go service takes package djangosite.
//
// It imports Echo, whose next major version changes every handler: New and NewAdmin return http.Handler. It knows no
// store and no signature; it asks for verdicts. What each outcome becomes, other packages say; docs/http.md lists all
// answers.
package handlers
