package guard_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"django-sidecar/djangosite/guard"
)

// sidecar is a django-sidecar to whom everybody is ada.
func sidecar() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"result": true, "user": {"id": "1", "username": "ada", "is_staff": false}}`)
	}))
}

func ExampleAsk() {
	s := sidecar()
	defer s.Close()
	site, err := guard.Ask(s.URL, guard.AskOptions{}) // as http://127.0.0.1:8100, or unix:/run/django-sidecar.sock
	if err != nil {
		log.Print(err)
		return
	}
	defer site.Close()
	home := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := guard.User(r.Context()) // whom the middleware has let pass
		fmt.Fprintf(w, "Hello, %s.", user.Name())
	})
	for _, handler := range []http.Handler{site.RequireUser(home), site.RequireStaff(home)} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 Hello, ada.
	// 403 {"result":false,"message":"The user may not do this."}
}

func ExampleUser() {
	_, ok := guard.User(context.Background()) // of a request that has been through no middleware
	fmt.Println(ok)
	// Output: false
}
