package multipart

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
)

// A Part is one part of a body. Its headers stay valid; its content can be read until Reader.Next is called.
type Part struct {
	// Disposition is the value of Content-Disposition as it was sent, without the white space around it. If there is
	// none, the part is nothing to Django.
	Disposition []byte
	// ContentType is the value of Content-Type in the same way. It is UTF-8.
	ContentType []byte
	// Base64 says that the content was sent in base64. It is read decoded.
	Base64 bool

	reader *Reader
	taken  bool // by File or Field
}

// File counts the part as a file, and returns its content. An error may be ErrTooManyFiles.
func (p *Part) File() (*FileContent, error) {
	if err := p.take(); err != nil {
		return nil, err
	}
	r := p.reader
	r.files++
	if r.limits.Files >= 0 && r.files > r.limits.Files {
		return nil, r.fail(ErrTooManyFiles)
	}
	return &FileContent{part: p}, nil
}

// Field counts the part as a field and returns its value. nameLength is the length of its name, which Limits.FieldBytes
// counts too; Django counts characters. An error may be ErrTooManyFields or ErrFieldsTooLarge.
func (p *Part) Field(nameLength int) ([]byte, error) {
	if err := p.take(); err != nil {
		return nil, err
	}
	r := p.reader
	if err := r.countField(); err != nil {
		return nil, r.fail(err)
	}
	// django/http/multipartparser.py, 6.1: num_bytes_read += len(field_name) + 2, "to make the check consistent with
	// the x-www-form-urlencoded check that includes '&='". What is in base64 counts as it was sent.
	r.fieldBytes += int64(nameLength) + 2
	value := []byte{}
	for {
		chunk, err := r.scanner.content(1)
		if errors.Is(err, io.EOF) {
			err = nil
		}
		r.fieldBytes += int64(len(chunk))
		switch {
		case err != nil:
			return nil, r.fail(err)
		case r.limits.FieldBytes >= 0 && r.fieldBytes > r.limits.FieldBytes:
			return nil, r.fail(ErrFieldsTooLarge)
		case len(chunk) == 0:
			return p.decodeField(value), nil
		}
		value = append(value, chunk...)
	}
}

// take makes the part the one that is read, once.
func (p *Part) take() error {
	switch {
	case p.reader.part != p:
		return errStale
	case p.reader.err != nil:
		return p.reader.err
	case p.taken:
		return errTaken
	}
	p.taken = true
	return nil
}

// decodeField undoes base64. A value that is not purely that stays as it is, also if only white space is too much.
//
//	django/http/multipartparser.py, 6.1: data = base64.b64decode(raw_data, validate=True); except: data = raw_data
//
// To 5.2 there is no validate=True.
func (p *Part) decodeField(value []byte) []byte {
	if !p.Base64 || bytes.ContainsAny(value, "\r\n") { // these are passed over by DecodeString
		return value
	}
	decoded, err := base64.StdEncoding.DecodeString(string(value))
	if err != nil {
		return value
	}
	return decoded
}
