package upload

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"

	"django-sidecar/internal/reply"
	"django-sidecar/internal/upload/media"
	"django-sidecar/internal/urlquote"
)

// batch is the files of one request.
type batch struct {
	receiver *Receiver
	owner    string // whose request it is
	body     *countedBody
	length   int64 // of the body, -1 if it is not known
	files    []*incoming
	bytes    int64 // of the files
}

// incoming is a file that is being received. It takes the bytes as an io.Writer.
type incoming struct {
	batch  *batch
	stored Stored
	file   *media.PendingFile
	limit  int64
	digest hash.Hash // nil where there is none
	head   []byte    // the first bytes, by which its type is detected
}

// headBytes is what http.DetectContentType looks at.
const headBytes = 512

// add receives one file. Its name is judged before its first byte is read.
func (b *batch) add(stored Stored, content io.WriterTo) error {
	r := b.receiver
	if _, err := r.names(stored.OriginalName); err != nil {
		return err
	}
	room := int64(-1)
	if b.length >= 0 { // the rest of the body is the most that it can be
		room = min(max(b.length-b.body.count, 0), r.MaxBytes)
	}
	file, err := r.Media.CreateFor(b.owner, room)
	if err != nil {
		return err
	}
	in := &incoming{batch: b, stored: stored, file: file, limit: r.MaxBytes}
	b.files = append(b.files, in)
	if r.Digest {
		in.digest = sha256.New()
	}
	if _, err := content.WriteTo(in); err != nil {
		return err
	}
	in.stored.Size = file.Size()
	in.stored.DetectedType = http.DetectContentType(in.head)
	if r.CheckType && !Agree(stored.OriginalName, in.stored.DetectedType) {
		return reply.OtherType
	}
	if in.digest != nil {
		in.stored.SHA256 = hex.EncodeToString(in.digest.Sum(nil))
	}
	return file.Truncate(file.Size()) // gives back the room that it did not need, for the next one
}

// Write implements io.Writer.
func (in *incoming) Write(p []byte) (int, error) {
	if int64(len(p)) > in.limit-in.file.Size() {
		return 0, reply.FileTooLarge
	}
	if most := in.batch.receiver.MaxFormBytes; most > 0 && int64(len(p)) > most-in.batch.bytes {
		return 0, reply.FormTooLarge
	}
	in.batch.bytes += int64(len(p))
	if missing := headBytes - len(in.head); missing > 0 {
		in.head = append(in.head, p[:min(missing, len(p))]...)
	}
	if in.digest != nil {
		in.digest.Write(p)
	}
	return in.file.Write(p)
}

// publish gives every file its name. If one cannot have one, those that have are taken back: nobody has been told of
// them.
func (b *batch) publish() ([]Stored, error) {
	var all []Stored
	for i, in := range b.files {
		next, err := b.receiver.names(in.stored.OriginalName)
		if err == nil {
			in.stored.Name, err = in.file.Publish(next)
		}
		if err != nil {
			return nil, errors.Join(err, withdraw(b.files[:i]))
		}
		in.stored.URL = b.receiver.MediaURL + escapePath(in.stored.Name)
		all = append(all, in.stored)
	}
	return all, nil
}

func withdraw(published []*incoming) error {
	var errs []error
	for _, in := range published {
		errs = append(errs, in.file.Withdraw())
	}
	return errors.Join(errs...)
}

// discard removes what has not been published. What cannot be removed has no name, or is swept later.
func (b *batch) discard() {
	for _, in := range b.files {
		_ = in.file.Discard()
	}
}

// countedBody counts what has been read of a body, and marks its errors.
type countedBody struct {
	reader io.Reader
	count  int64
}

// Read implements io.Reader.
func (c *countedBody) Read(p []byte) (int, error) {
	n, err := c.reader.Read(p)
	c.count += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &bodyError{err}
	}
	return n, err
}

// onlyReader copies a body through the one buffer.
type onlyReader struct {
	reader io.Reader
	buffer []byte
}

// WriteTo implements io.WriterTo.
func (o onlyReader) WriteTo(w io.Writer) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{o.reader}, o.buffer)
}

// escapePath is filepath_to_uri of django/utils/encoding.py, 5.2.
func escapePath(name string) string { return urlquote.Quote(name, "/~!*()'") }
