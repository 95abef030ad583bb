package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"django-sidecar/internal/pytext"
)

// UploadEvent is what Django is told: that one request of a user's has published files.
type UploadEvent struct {
	// ID tells events apart: 1 to 64 letters, digits, "-" and "_", such as rand.Text(). Whoever is not sure whether an
	// event was added adds it again, with the same ID.
	ID string `json:"id"`
	// At is when the files were published. It is told in UTC.
	At time.Time `json:"at"`
	// UserID is the user's primary key as the session has it, a string.
	UserID string         `json:"user_id"`
	Files  []UploadedFile `json:"files"`
}

// UploadedFile is a published file.
type UploadedFile struct {
	// Field is the name of the form's field; "" where there was no form.
	Field string `json:"field"`
	// Name is what Django would have stored in the FileField: relative to MEDIA_ROOT.
	Name string `json:"name"`
	// OriginalName is the client's.
	OriginalName string `json:"original_name"`
	Size         int64  `json:"size"`
	// ContentType is what the client said, DetectedType what the first bytes look like; either may be "".
	ContentType  string `json:"content_type"`
	DetectedType string `json:"detected_type"`
	// SHA256 is in hexadecimal digits; "" where none was computed.
	SHA256 string `json:"sha256"`
}

// maxEventBytes is far above a hundred files with long names, and below DATA_UPLOAD_MAX_MEMORY_SIZE, past which
// Django does not read a request.body, after base64 has made 4 bytes of 3.
const maxEventBytes = 1 << 20

// encode makes the JSON that is stored and signed.
func (e UploadEvent) encode() ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	e.At = e.At.UTC()
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	// django/core/signing.py, 5.2, JSONSerializer.loads: json.loads(data.decode("latin-1")). UTF-8 would come out as
	// two or more characters for each of its own.
	text = pytext.AppendASCII(nil, string(text))
	if len(text) > maxEventBytes {
		return nil, fmt.Errorf("an event of %d bytes", len(text))
	}
	return text, nil
}

func (e UploadEvent) check() error {
	if !isID(e.ID) {
		return errors.New("the event's id is not 1 to 64 letters, digits, - and _")
	}
	if year := e.At.UTC().Year(); year < 1970 || year > 9999 { // past it, there is no such JSON
		return errors.New("an event without a possible time")
	}
	if len(e.Files) == 0 {
		return errors.New("an event without a file")
	}
	for _, f := range e.Files {
		// Django would look for another file: JSON has no other bytes than those of Unicode.
		if f.Name == "" || !utf8.ValidString(f.Name) {
			return errors.New("the name of a file is empty or not UTF-8")
		}
	}
	return nil
}

// decode reads what encode made, here or in another version of this program, and checks it as far as a later version
// will still have it. What is sent is the text as it stands.
func decode(text []byte) (UploadEvent, error) {
	var e UploadEvent
	if err := json.Unmarshal(text, &e); err != nil {
		return UploadEvent{}, fmt.Errorf("not the JSON of an event: %w", err)
	}
	return e, e.check()
}
