// Package djangosession gives Django's verdict on a Cookie header: which user, if
// any, Django's SessionMiddleware and django.contrib.auth.get_user would see.
//
// The line from a header to a verdict:
//
//	key := djangosession.SessionKey(header, "sessionid") // as django.http.cookie.parse_cookie reads it
//	verdict, err := verifier.Verify(ctx, key)
//	switch {
//	case err != nil: // could not find out: the store failed; never "logged out"
//	case verdict.User == nil: // no user, and verdict.Reason says why
//	default: // verdict.User is logged in
//	}
//
// A Verifier asks a Store for the session and a UserStore for the user; package
// dbstore has both for SQL databases. A Codec turns what Django stores into a
// Session and back. All of them are told the deployment's Django Version, which
// decides what is accepted: accepting more than that Django would be a security
// fault, accepting less would log people out.
//
// Read verifier.go first: it follows Django's get_user line by line.
//
// The package imports the standard library, package signing, a reader of pickles that constructs nothing, and what
// Python does with texts. It does no I/O of its own, logs nothing, and is safe for concurrent use. It never puts a
// cookie, session key, session data, secret or password hash into an error.
package djangosession
