// Package upload takes files as Django would have taken them: it reads a request's body as a stream, gives each file
// Django's name, and publishes all of them under MEDIA_ROOT at the end, or none.
//
// The steps are packages of their own: multipart reads the body, naming knows Django's names, media writes and
// publishes. Nothing of a request is in memory but one buffer and what Django limits: headers and the fields of a
// form.
package upload
