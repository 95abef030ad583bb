// Package hashers checks and makes password hashes as django.contrib.auth.hashers does, from Django 1.11 to 6.1.
//
//	list, err := hashers.New(hashers.Options{Version: djangosession.MustVersion("5.2")})
//	result, err := list.Check(password, user.Password)
//	switch {
//	case err != nil: // could not find out: see the errors below
//	case !result.Correct: // a wrong password
//	case result.MustUpdate: // right, and Django would now save list.Make(password)
//	}
//
// A List knows PBKDF2 (SHA-256, SHA-1), Argon2 (id and i, version 1.3), bcrypt, bcrypt after SHA-256, scrypt, and the
// old MD5 and SHA-1, salted and unsalted, where PASSWORD_HASHERS names them. It does not know CryptPasswordHasher, nor
// classes of a project, unless Options.Hashers says what they change.
//
// What the rows of a database say is bounded: a hash that would take more than MaxIterations and its like is
// ErrTooExpensive, and nothing is computed. A hash cannot be stopped on its way. It takes up to a few seconds of a
// processor, and up to MaxMemory. How many are computed at a time is the caller's to bound, with a semaphore for
// example: ten logins at a time with Django's Argon2 take 1 GB.
//
// A List is safe for concurrent use. It does no I/O and logs nothing; no error holds a password or a hash.
package hashers
