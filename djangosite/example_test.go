package djangosite_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"django-sidecar/djangosite"
)

func report(w http.ResponseWriter, r *http.Request) {
	user, _ := djangosite.User(r.Context()) // whom the middleware has let pass
	fmt.Fprintf(w, "The report of %s.\n", user.Name())
}

func ExampleFromEnv() {
	site, err := djangosite.FromEnv(context.Background()) // DJANGO_SECRET_KEY, DATABASE_URL, DJANGO_VERSION …
	if err != nil {
		log.Print(err) // all that is wrong, and what to do
		return
	}
	defer site.Close()
	http.Handle("/report", site.RequireUser(http.HandlerFunc(report)))
}

func ExampleOpen() {
	site, err := djangosite.Open(context.Background(), djangosite.Settings{
		SecretKey: "the SECRET_KEY of your Django", DatabaseURL: "sqlite:////srv/site/db.sqlite3", DjangoVersion: "5.2",
		Env: map[string]string{"SIDECAR_CACHE_TTL": "5s"},
	})
	if err != nil {
		log.Print(err)
		return
	}
	defer site.Close()
	verdict, err := site.Verify(context.Background(), []string{"theme=dark"}) // the Cookie headers of any protocol
	fmt.Println(verdict.User == nil, verdict.Reason, err)
	// Output: true no_cookie <nil>
}

func ExampleAsk() {
	site, err := djangosite.Ask("http://127.0.0.1:8100", djangosite.AskOptions{}) // or unix:/run/django-sidecar.sock
	if err != nil {
		log.Print(err)
		return
	}
	defer site.Close()
	http.Handle("/staff/", site.RequireStaff(http.HandlerFunc(report)))
}

func ExampleUser() {
	_, ok := djangosite.User(context.Background()) // of a request that has been through no middleware
	fmt.Println(ok)
	// Output: false
}
