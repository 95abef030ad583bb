package upload

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"django-sidecar/internal/reply"
	"django-sidecar/internal/upload/media"
	"django-sidecar/internal/upload/multipart"
	"django-sidecar/internal/upload/naming"
)

// Config says how uploads are taken. Media, Rules and Now are required.
type Config struct {
	Media *media.Dir
	Rules *naming.Rules
	// MaxBytes is what one file may have; 0 takes none.
	MaxBytes int64
	// MaxFormBytes is what the files of one form may have together; 0 is no limit.
	MaxFormBytes int64
	// Limits are Django's for a form.
	Limits multipart.Limits
	// Extensions are the endings that names may have, in small letters and with their dots; none allows all.
	Extensions []string
	// CheckType refuses files whose first bytes are not what their names promise: see Agree.
	CheckType bool
	// Digest says whether the SHA-256 of each file is computed.
	Digest bool
	// MediaURL is what goes before a name to make a URL.
	MediaURL string
	// Published is told of the files of a request once they are published. If it fails they are withdrawn, and the
	// upload is refused. nil: nobody is told.
	Published func(ctx context.Context, userID string, files []Stored) error
	// Now is the clock.
	Now func() time.Time
}

// Receiver takes uploads. It is safe for concurrent use.
type Receiver struct {
	Config
	buffers sync.Pool
}

// bufferBytes is what an upload has in memory. The scanner hands on half of it at a time or more.
const bufferBytes = 256 << 10

// New returns a Receiver.
func New(c Config) *Receiver {
	return &Receiver{Config: c, buffers: sync.Pool{New: func() any {
		b := make([]byte, bufferBytes)
		return &b
	}}}
}

// Submission is a request that may have files.
type Submission struct {
	Body io.Reader
	// UserID is whose request it is.
	UserID string
	// ContentType and Disposition are the headers of the request. The second names the file of a body that is no form.
	ContentType, Disposition string
	// Length is that of the body, -1 if it is not known.
	Length int64
	// Field is told of each field of a form, in their order; nil: nobody asks.
	Field func(name string, value []byte)
	// Check says whether the files may still be published: a *reply.Refusal if not. It is asked once, when all of them
	// are there.
	Check func(ctx context.Context) error
}

// Stored is a file that has been published.
type Stored struct {
	Field        string `json:"field"`         // of the form; "file" for a body that is none
	Name         string `json:"name"`          // below MEDIA_ROOT: what FileField.name is
	OriginalName string `json:"original_name"` // UploadedFile.name
	Size         int64  `json:"size"`          // bytes
	ContentType  string `json:"content_type"`  // as the client says
	DetectedType string `json:"detected_type"` // as the first bytes say
	SHA256       string `json:"sha256,omitempty"`
	URL          string `json:"url"`
}

// Receive takes the files of a request: all of them, or none and an error, of which RefusalOf says what the client is
// told.
func (r *Receiver) Receive(ctx context.Context, request Submission) ([]Stored, error) {
	buffer, ok := r.buffers.Get().(*[]byte)
	if !ok {
		panic("upload: internal error: the pool has something else")
	}
	defer r.buffers.Put(buffer)
	b := &batch{receiver: r, owner: request.UserID, body: &countedBody{reader: request.Body}, length: request.Length}
	defer b.discard()
	err := b.read(request, *buffer)
	if err != nil {
		return nil, err
	}
	if len(b.files) == 0 {
		return nil, reply.NoFile
	}
	if err := request.Check(ctx); err != nil {
		return nil, err
	}
	files, err := b.publish()
	if err != nil || r.Published == nil {
		return files, err
	}
	// A client that hangs up now has a file that is published, and that Django is to be told of.
	if err := r.Published(context.WithoutCancel(ctx), request.UserID, files); err != nil {
		return nil, errors.Join(err, withdraw(b.files))
	}
	return files, nil
}

// read reads the whole body into files that nobody sees yet.
func (b *batch) read(request Submission, buffer []byte) error {
	kind := b.receiver.Rules.MainValue([]byte(request.ContentType))
	switch kind {
	case "multipart/form-data":
		return b.form(request, buffer)
	case "application/x-www-form-urlencoded":
		return reply.NoFile // it is a form without files
	}
	return b.raw(kind, request.Disposition, buffer)
}

// form takes the files of a form. Its fields count, and are told of.
func (b *batch) form(request Submission, buffer []byte) error {
	rules := b.receiver.Rules
	form, err := multipart.NewReader(b.body, request.ContentType, b.receiver.Limits, buffer)
	if err != nil {
		return err
	}
	for {
		part, err := form.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		d := rules.Disposition(part.Disposition)
		switch d.ItemType {
		case naming.Field:
			value, err := part.Field(len([]rune(d.Name)))
			if err != nil {
				return err
			}
			if request.Field != nil {
				request.Field(d.Name, value)
			}
		case naming.File:
			file, err := part.File()
			if err != nil {
				return err
			}
			name, ok := rules.Clean(d.Filename)
			if !ok || d.Name == "" { // Django has no such file either
				continue
			}
			if err := b.add(Stored{Field: d.Name, OriginalName: name, ContentType: rules.MainValue(part.ContentType)}, file); err != nil {
				return err
			}
		case naming.Dropped:
		}
	}
}

// raw takes a body that is a file, as Cordova's FileTransfer sends it where it is given a Content-Type.
func (b *batch) raw(contentType, disposition string, buffer []byte) error {
	rules := b.receiver.Rules
	name, ok := rules.Clean(rules.Disposition([]byte(disposition)).Filename)
	if !ok {
		name = unnamed
	}
	if b.length > b.receiver.MaxBytes {
		return reply.FileTooLarge
	}
	return b.add(Stored{Field: "file", OriginalName: name, ContentType: contentType}, onlyReader{b.body, buffer})
}

// allowed says whether a name has one of the endings that are.
func (r *Receiver) allowed(name string) bool {
	if len(r.Extensions) == 0 {
		return true
	}
	name = strings.ToLower(name)
	endsIn := func(extension string) bool { return strings.HasSuffix(name, extension) }
	return slices.ContainsFunc(r.Extensions, endsIn)
}

// NamesFor is names for a file as a client calls it; "" if it does not say.
func (r *Receiver) NamesFor(filename string) (func() (string, error), error) {
	name, ok := r.Rules.Clean(filename)
	if !ok {
		name = unnamed
	}
	return r.names(name)
}

// unnamed is what a file is called that has no name, or none that Django would take.
const unnamed = "file"

// names are the names that Django would try for a file, one after the other.
func (r *Receiver) names(original string) (func() (string, error), error) {
	stored, err := r.Rules.Store(original, r.Now())
	if err != nil {
		return nil, err
	}
	// What is published is what is judged: characters that Django takes out of a name may have hidden its ending.
	if !r.allowed(original) || !r.allowed(stored) {
		return nil, reply.BadExtension
	}
	return r.Rules.Names(stored, rand.Reader).Next, nil
}
