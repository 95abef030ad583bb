// Package tus is the server side of the tus resumable upload protocol 1.0.0
// (https://tus.io/protocols/resumable-upload), with the extensions creation, creation-with-upload,
// creation-defer-length, expiration, checksum and termination. Uploads are parts of package media until they are
// complete; then they are published under the names that the caller chooses.
//
//	h, err := tus.New(tus.Options{Media: dir, Name: name, Published: queue, …})
//	err = h.Sweep(ctx)   // at start, and every now and then
//	h.Answer(w, r, visit) // each request below /tus/, behind protection from cross-site requests
//
// Every request, OPTIONS too, is that of a user with a live session. Whose an upload is decides where it is looked
// for: what the state directory knows it by is a hash of the token in its URL and of its owner. So a stranger's
// upload is one that does not exist, by the same steps and in the same bytes.
//
// The http.ResponseWriter must let deadlines be set for reading, as net/http's does and those do that wrap it and
// have Unwrap.
//
// # One request at a time
//
// The newest request has an upload. One whose body is still awaited, perhaps on a connection that is dead, is ended:
// what it has received is written to the disk and counts, and then the next one goes on; the old one is answered 423.
// A client learns from a HEAD request how much counts.
//
// # Completion
//
// The request that completes an upload publishes it: the last PATCH, or a POST that brings everything. Its answer has
//
//	Upload-Name    where the file is below MEDIA_ROOT, percent-encoded UTF-8: what a FileField holds
//	Repr-Digest    its SHA-256 (RFC 9530), where Options.Digest is set
//
// and HEAD answers with the same until the upload expires. Where everything has arrived but could not be published,
// HEAD publishes it or fails, since a client takes an upload for done whose offset is its length. A HEAD that fails
// for a reason that may pass is answered 423: clients ask again then, and begin from scratch after anything else.
//
// A DELETE of a published upload ends what is known about it here. The file stays: it is Django's.
//
// # What is left out
//
// Concatenation (a POST with Upload-Concat is refused, lest the pieces are published), checksums in trailers, and
// downloads. CORS is package handlers'.
package tus
