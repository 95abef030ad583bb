package tus

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"django-sidecar/internal/upload/media"
)

// Options say whose uploads are taken, how they are named and who is told. Media, Name, Published, MaxBytes, Expiry
// and Now are required. The functions are called from many goroutines.
type Options struct {
	// Media is where the files go. No other Handler of the process uses its parts.
	Media *media.Dir
	// Name judges what a client calls its file: "" if it does not say, otherwise any UTF-8. It is asked when an
	// upload is created, and when it is published for the names to be tried, as media.PendingFile.Publish has it. An
	// error that is a [reply.Refusal] is what the client is told.
	Name func(filename string) (names func() (string, error), err error)
	// Inspect looks at a complete file before it is published. What it refuses is removed. nil inspects nothing.
	Inspect func(u Upload, content io.ReaderAt) error
	// Published is told of each file that is published: at least once, and again if it fails or the process dies before
	// that could be noted. The context outlives the client.
	Published func(ctx context.Context, u Upload) error
	// Now is the clock.
	Now func() time.Time

	// BasePath is where uploads are created, and what their URLs begin with; "" means /tus/.
	BasePath string
	// MaxBytes is how large a file may be.
	MaxBytes int64
	// MaxOpenPerUser is how many unfinished uploads a user may have, and MaxOpenBytesPerUser how many bytes together:
	// their lengths, or what has come of those whose length is not known. 0: any number.
	MaxOpenPerUser      int
	MaxOpenBytesPerUser int64
	// Expiry is how long an upload lives after its last byte, and what is known of a published one.
	Expiry time.Duration
	// RecheckInterval is how often Owner is asked during a request; 0 means 30 s.
	RecheckInterval time.Duration
	// MinRate is how many bytes a second a body must have once Grace is used up; 0: a client may be as slow as it
	// likes.
	MinRate int64
	// Grace is what a body has at its beginning before MinRate counts; 0 means 10 s.
	Grace time.Duration
	// Idle is the longest that a body may stand still, however fast it was before; 0 means 60 s.
	Idle time.Duration
	// Digest says that the SHA-256 of each file is wanted.
	Digest bool
}

// Upload is a file that is published, or about to be.
type Upload struct {
	// ID is the same each time that an upload is told of, and no other's. It is not the token of the upload's URL.
	ID string
	// Owner is the user's id.
	Owner string
	// Name is where the file is below MEDIA_ROOT; "" for Inspect.
	Name string
	// OriginalName and ContentType are what the client says, and may be anything.
	OriginalName, ContentType string
	// DetectedType is what the first bytes say: http.DetectContentType.
	DetectedType string
	Size         int64
	// SHA256 is in hexadecimal digits; "" without Options.Digest.
	SHA256 string
	// Metadata is everything that the client said of the file.
	Metadata map[string]string
}

func (o *Options) complete() error {
	if o.Media == nil || o.Name == nil || o.Published == nil || o.Now == nil {
		return errors.New("uploads by tus need a directory, functions for name and publication, and a clock")
	}
	if o.MaxBytes <= 0 || o.Expiry <= 0 || o.MinRate < 0 || o.Grace < 0 || o.Idle < 0 || o.RecheckInterval < 0 ||
		o.MaxOpenPerUser < 0 || o.MaxOpenBytesPerUser < 0 {
		return errors.New("the limits of uploads by tus are numbers above 0")
	}
	o.BasePath = cmp.Or(o.BasePath, "/tus/")
	if !strings.HasPrefix(o.BasePath, "/") || !strings.HasSuffix(o.BasePath, "/") {
		return errors.New("the base path of uploads by tus begins and ends with a slash")
	}
	o.RecheckInterval = cmp.Or(o.RecheckInterval, 30*time.Second)
	o.Grace, o.Idle = cmp.Or(o.Grace, 10*time.Second), cmp.Or(o.Idle, 60*time.Second)
	return nil
}
