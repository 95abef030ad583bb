// Package tokens makes and checks the tokens of django.contrib.auth.tokens: those of links that let a user choose a new
// password, and that are good for one use and a few days. Django takes those that are made here, and the other way
// round.
//
//	token     = timestamp "-" every second digit of the hexadecimal HMAC
//	timestamp = in base 36: days since 2001 to Django 3.0, seconds since 2001 from 3.1 on, by the clocks of TIME_ZONE
//	HMAC      = of primary key, password hash, last login, timestamp, and from Django 3.2 on the email address
//
// A new password, a login or another address ends a token. It has no clock, does no I/O and logs nothing. Everything in
// it is safe for concurrent use.
package tokens
