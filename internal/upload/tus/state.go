package tus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// stateVersion is that of the document. One of another version belongs to another program.
const stateVersion = 1

// maxStateBytes bounds the document: metadata is what it mostly has.
const maxStateBytes = 32 << 10

// state is what is known of an upload: the document beside its part.
type state struct {
	Version int    `json:"version"`
	Owner   string `json:"owner"`
	// Length is absent as long as the client does not know it.
	Length int64 `json:"length"`
	// Offset is how many bytes are on the disk and count. The part may have more, which do not.
	Offset  int64     `json:"offset"`
	Expires time.Time `json:"expires"`
	// Metadata is Upload-Metadata as it came.
	Metadata string `json:"metadata,omitempty"`
	// Hash is the state of the SHA-256 of the first Offset bytes, as its MarshalBinary has it. It may be missing.
	Hash []byte `json:"hash,omitempty"`

	// What the complete file turned out to be.
	SHA256       string `json:"sha256,omitempty"`
	DetectedType string `json:"detected_type,omitempty"`
	// Name is the last one that was tried: see package media. It is the file's once Finished.
	Name string `json:"name,omitempty"`
	// Finished says that the file is published, and that Published has been told.
	Finished bool `json:"finished,omitempty"`

	metadata map[string]string
}

// encode writes the document.
func (s *state) encode() ([]byte, error) {
	s.Version = stateVersion
	document, err := json.Marshal(s)
	if err == nil && len(document) > maxStateBytes {
		err = fmt.Errorf("the state of an upload has %d bytes", len(document))
	}
	return document, err
}

var errState = errors.New("the state of an upload is not what was written")

// decodeState reads the document. What it accepts is consistent, and has an owner.
func decodeState(document []byte) (*state, error) {
	if len(document) > maxStateBytes {
		return nil, fmt.Errorf("%w: %d bytes", errState, len(document))
	}
	s := &state{Length: absent - 1, Offset: -1}
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("%w: %w", errState, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: it goes on after its end", errState)
	}
	if fault := s.fault(); fault != "" {
		return nil, fmt.Errorf("%w: %s", errState, fault)
	}
	var err error
	if s.metadata, err = parseMetadata(s.Metadata); err != nil {
		return nil, fmt.Errorf("%w: metadata: %w", errState, errors.New(err.Error())) // no refusal of the request's
	}
	return s, nil
}

// fault is what is wrong with the fields of a document.
func (s *state) fault() string {
	switch {
	case s.Version != stateVersion:
		return "another version"
	case s.Owner == "":
		return "no owner"
	case s.Length < absent || s.Offset < 0 || s.Length != absent && s.Offset > s.Length:
		return "length and offset"
	case s.Expires.IsZero():
		return "no end"
	case s.Name != "" && (!fs.ValidPath(s.Name) || s.Name == "." || !s.complete()):
		return "name"
	case s.Finished && s.Name == "":
		return "finished without a name"
	}
	return ""
}

// complete says that every byte is there.
func (s *state) complete() bool { return s.Offset == s.Length }

// upload is what others are told.
func (s *state) upload(id string) Upload {
	return Upload{
		ID: id, Owner: s.Owner, Name: s.Name, Size: s.Length,
		OriginalName: filename(s.metadata), ContentType: filetype(s.metadata), DetectedType: s.DetectedType,
		SHA256: s.SHA256, Metadata: s.metadata,
	}
}
