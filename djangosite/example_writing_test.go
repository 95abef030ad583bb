package djangosite_test

import (
	"errors"
	"fmt"
	"net/http"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite"
	"django-sidecar/djangosite/messages"
)

// site is that of djangosite.FromEnv, with SIDECAR_WRITE=login,logout.
var site *djangosite.Site

func ExampleSite_Login() {
	http.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) { // behind site.CSRF
		user, err := site.Authenticate(r.Context(), r.PostFormValue("username"), r.PostFormValue("password"), r.RemoteAddr)
		if err == nil {
			err = site.Login(w, r, user) // last_login, the session, both cookies
		}
		var many *djangosite.TooManyTriesError
		switch {
		case errors.As(err, &many):
			http.Error(w, "Try again later.", http.StatusTooManyRequests)
		case errors.Is(err, djangosite.ErrRefused):
			http.Error(w, "The user name and the password are not right.", http.StatusUnauthorized)
		case err != nil: // a store failed, and nobody is logged in
			http.Error(w, "The login could not be checked.", http.StatusServiceUnavailable)
		default:
			http.Redirect(w, r, "/", http.StatusSeeOther)
		}
	})
}

func ExampleSite_Logout() {
	http.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) { // behind site.CSRF
		if err := site.Logout(w, r); err != nil {
			http.Error(w, "Try again.", http.StatusServiceUnavailable)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
}

func ExampleSite_Update() {
	http.HandleFunc("POST /cart", func(w http.ResponseWriter, r *http.Request) { // behind site.CSRF
		var cart []string
		err := site.Update(w, r, func(s *djangosession.Session) error { // request.session["cart"] += [item]
			if err := s.Lookup("cart").Decode(&cart); err != nil {
				return err
			}
			return s.Set("cart", append(cart, r.PostFormValue("item")))
		})
		switch {
		case errors.Is(err, djangosite.ErrSessionInterrupted): // logged out meanwhile
			http.Error(w, "Your session has ended.", http.StatusBadRequest)
		case err != nil:
			http.Error(w, "Try again.", http.StatusServiceUnavailable)
		}
	})
}

func ExampleSite_CSRF() {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := djangosite.CSRFToken(w, r) // letters and digits
		fmt.Fprintf(w, `<form method="post"><input type="hidden" name="csrfmiddlewaretoken" value="%s">…</form>`, token)
	})
	_ = func() { http.Handle("/form", site.CSRF(site.RequireUser(page))) }
}

func ExampleSite_Messages() {
	http.HandleFunc("POST /save", func(w http.ResponseWriter, r *http.Request) {
		m, err := site.Messages(r)
		if err == nil {
			m.Add(messages.Message{Level: messages.Success, Text: "Saved."}) // for the next page, also one of Django
			err = m.Save(w)
		}
		if err != nil {
			http.Error(w, "Try again.", http.StatusServiceUnavailable)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
}

func ExampleSite_PasswordResetToken() {
	link := func(r *http.Request, name string) (string, error) { // for a mail to the user's address, and nobody else
		user, err := site.UserByName(r.Context(), name)
		if err != nil {
			return "", err
		}
		// djangosite.ErrRefused: Django would send none
		uid, token, err := site.PasswordResetToken(r.Context(), user)
		return "https://shop.example.com/accounts/reset/" + uid + "/" + token + "/", err
	}
	_ = link
}
