package tus

import "django-sidecar/internal/reply"

// creation is what a POST asks for.
type creation struct {
	length   int64 // absent where it comes later
	metadata string
	values   map[string]string
	hasBody  bool
	checksum *checksum
}

// parseCreation reads the headers of Creation and of Creation With Upload.
func (x *exchange) parseCreation() (c creation, err error) {
	h := x.r.Header
	if len(h.Values("Upload-Concat")) > 0 { // a partial upload is not to become a file
		return c, reply.Concatenation
	}
	if c.length, err = x.parseLength(); err != nil {
		return c, err
	}
	if c.metadata, err = single(h, "Upload-Metadata"); err != nil {
		return c, err
	}
	if c.values, err = parseMetadata(c.metadata); err != nil {
		return c, err
	}
	if c.checksum, err = checksumOf(h); err != nil {
		return c, err
	}
	if c.hasBody = x.r.ContentLength != 0; c.hasBody {
		if err := checkBody(h); err != nil {
			return c, err
		}
		err = x.checkSize(0, c.length)
	}
	return c, err
}

// parseLength reads the one of Upload-Length and Upload-Defer-Length that is there.
func (x *exchange) parseLength() (int64, error) {
	h := x.r.Header
	n, err := length(h, "Upload-Length")
	if err != nil {
		return absent, err
	}
	deferred := h.Values("Upload-Defer-Length")
	switch {
	case len(deferred) > 1 || len(deferred) == 1 && deferred[0] != "1":
		return absent, reply.BadDeferLength
	case (len(deferred) == 1) == (n != absent):
		return absent, reply.NoLength
	case n > x.MaxBytes:
		return absent, reply.UploadTooLarge
	}
	return n, nil
}

// checkSize refuses a body that is known to go beyond the upload, before any of it is read.
func (x *exchange) checkSize(offset, length int64) error {
	switch {
	case length != absent && x.r.ContentLength > length-offset:
		return reply.BeyondLength
	case x.r.ContentLength > x.MaxBytes-offset:
		return reply.UploadTooLarge
	}
	return nil
}
