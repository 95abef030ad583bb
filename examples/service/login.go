package main

import (
	"encoding/json"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite"
)

// members has a form to log in, a logout, and a cart in the session, which visitors have too.
func members(site *djangosite.Site) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login/", func(w http.ResponseWriter, r *http.Request) { showLogin(w, r, http.StatusOK, "") })
	mux.HandleFunc("POST /login/", func(w http.ResponseWriter, r *http.Request) { login(w, r, site) })
	mux.HandleFunc("POST /logout/", func(w http.ResponseWriter, r *http.Request) { logout(w, r, site) })
	mux.HandleFunc("GET /cart/", func(w http.ResponseWriter, r *http.Request) { showCart(w, r, site) })
	mux.HandleFunc("POST /cart/{item}", func(w http.ResponseWriter, r *http.Request) { putIntoCart(w, r, site) })
	return site.CSRF(mux)
}

var loginPage = template.Must(template.New("login").Parse(`<!doctype html><title>Log in</title><form method="post">{{.Fault}}
<input type="hidden" name="csrfmiddlewaretoken" value="{{.Token}}">
<input name="username" autocomplete="username"> <input name="password" type="password" autocomplete="current-password"> <button>Log in</button></form>`))

func showLogin(w http.ResponseWriter, r *http.Request, status int, fault string) {
	token := djangosite.CSRFToken(w, r) // it sets a cookie: before the status
	w.WriteHeader(status)
	_ = loginPage.Execute(w, map[string]string{"Token": token, "Fault": fault})
}

func login(w http.ResponseWriter, r *http.Request, site *djangosite.Site) {
	user, err := site.Authenticate(r.Context(), r.PostFormValue("username"), r.PostFormValue("password"), r.RemoteAddr)
	if err == nil {
		err = site.Login(w, r, user)
	}
	var many *djangosite.TooManyTriesError
	switch {
	case err == nil:
		http.Redirect(w, r, site.NextURL(r, "/"), http.StatusSeeOther)
	case errors.Is(err, djangosite.ErrRefused):
		showLogin(w, r, http.StatusOK, "The user name and the password are not right.")
	case errors.As(err, &many):
		w.Header().Set("Retry-After", strconv.Itoa(int(many.Wait.Seconds())+1))
		showLogin(w, r, http.StatusTooManyRequests, "Too many tries. Wait a few minutes.")
	default:
		slog.ErrorContext(r.Context(), "logging in", "error", err)
		http.Error(w, "Nobody can be logged in just now.", http.StatusServiceUnavailable)
	}
}

func logout(w http.ResponseWriter, r *http.Request, site *djangosite.Site) {
	if err := site.Logout(w, r); err != nil {
		http.Error(w, "Nobody can be logged out just now.", http.StatusServiceUnavailable)
		return
	}
	http.Redirect(w, r, "/login/", http.StatusSeeOther)
}

func showCart(w http.ResponseWriter, r *http.Request, site *djangosite.Site) {
	var items []string
	session, err := site.Session(w, r)
	if err == nil {
		err = session.Lookup("cart").Decode(&items)
	}
	writeCart(w, items, err)
}

func putIntoCart(w http.ResponseWriter, r *http.Request, site *djangosite.Site) {
	var items []string
	err := site.Update(w, r, func(s *djangosession.Session) error {
		if err := s.Lookup("cart").Decode(&items); err != nil {
			return err
		}
		items = append(items, r.PathValue("item"))
		return s.Set("cart", items)
	})
	writeCart(w, items, err)
}

func writeCart(w http.ResponseWriter, items []string, err error) {
	if err != nil {
		http.Error(w, "The cart cannot be had just now.", http.StatusServiceUnavailable)
		return
	}
	_ = json.NewEncoder(w).Encode(items)
}
