// Service is a Go service that is a part of a Django site.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"django-sidecar/djangosite"
)

func main() {
	site, err := djangosite.FromEnv(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer site.Close()
	log.Print(http.ListenAndServe("127.0.0.1:8000", routes(site)))
}

func routes(site *djangosite.Site) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/reports/", site.RequirePerm("reports.view_report")(http.HandlerFunc(reports)))
	mux.Handle("/", site.Load(http.HandlerFunc(home)))
	return mux
}

func reports(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, "All reports.")
}

func home(w http.ResponseWriter, r *http.Request) {
	user, ok := djangosite.User(r.Context())
	if !ok {
		fmt.Fprintln(w, "Hello, whoever you are.")
		return
	}
	fmt.Fprintf(w, "Hello, %s.\n", user.Name())
}
