// Asking is a Go service of a Django site that asks a sidecar. It links no driver, no client of a cache, no metrics.
package main

import (
	"fmt"
	"log"
	"net/http"

	"django-sidecar/djangosite/guard"
)

func main() {
	site, err := guard.Ask("http://127.0.0.1:8100", guard.AskOptions{}) // or unix:/run/django-sidecar.sock
	if err != nil {
		log.Fatal(err)
	}
	defer site.Close()
	http.Handle("/reports/", site.RequirePerm("reports.view_report")(http.HandlerFunc(reports)))
	log.Print(http.ListenAndServe("127.0.0.1:8000", nil))
}

func reports(w http.ResponseWriter, r *http.Request) {
	user, _ := guard.User(r.Context()) // whom the middleware has let pass
	fmt.Fprintf(w, "All reports, %s.\n", user.Name())
}
