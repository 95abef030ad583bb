// Package pages has no code of its own: its tests hold README.md and docs/ against the sidecar and its source.
//
//	http_test.go      docs/http.md: its requests are sent to a running sidecar, its tables are made from the code
//	openapi_test.go   docs/openapi.yaml: refusals made from the code, and the requests of docs/http.md
//	names_test.go     the files, settings, names, targets and links that pages and comments mention exist, and defaults are right
//	tutorial_live_test.go  the commands of docs/tutorial.md, in their order
package pages

//go:generate go test -run ^(TestTablesOfHTTP|TestOpenAPI)$ . -write
