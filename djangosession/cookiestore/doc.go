// Package cookiestore reads and signs the sessions of django.contrib.sessions.backends.signed_cookies: the session
// cookie's value is the session, and nothing is looked up anywhere.
//
// Such a session lives until its signature is too old: Django cannot end it before.
//
//	sessions, err := cookiestore.New(cookiestore.Config{Version: version, SecretKey: signing.SecretKey(secret), MaxAge: 14 * 24 * time.Hour})
package cookiestore
