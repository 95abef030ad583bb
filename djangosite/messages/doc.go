// Package messages reads and writes the messages of django.contrib.messages: what one page has to say on the next one.
// Django shows those that are written here, and the other way round.
//
//	list    = JSON: [["__json_message", safe, level, text, tags], ...], "__messagesnotfinished__" at the end where
//	          more are in the session
//	cookie  = to Django 3.0 a hexadecimal HMAC (SHA-1), "$" and the list; in 3.1 the list, signed as by
//	          TimestampSigner; from 3.2 on as by its sign_object, compressed
//	session = the list as a text, under "_messages"
//
// A Storage is the messages of one request, as request._messages is. The package has no clock, does no I/O and logs
// nothing.
package messages
