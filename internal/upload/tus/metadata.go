package tus

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"django-sidecar/internal/reply"
)

// The bounds of Upload-Metadata: it is kept with the upload, and sent back as it came.
const (
	maxMetadataBytes = 4096
	maxMetadataPairs = 64
)

// parseMetadata reads Upload-Metadata: pairs with commas between them, each a key of ASCII characters but space and
// comma, then a space and a value in base64. A value may be missing; a key must not be there twice. (Creation,
// Upload-Metadata)
func parseMetadata(header string) (map[string]string, error) {
	metadata := map[string]string{}
	if header == "" {
		return metadata, nil
	}
	if len(header) > maxMetadataBytes {
		return nil, reply.LongMetadata
	}
	for pair := range strings.SplitSeq(header, ",") {
		key, encoded, _ := strings.Cut(strings.Trim(pair, " \t"), " ")
		if !isKey(key) {
			return nil, reply.BadMetadataKey
		}
		if _, twice := metadata[key]; twice {
			return nil, reply.RepeatedMetadata
		}
		value, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || strings.ContainsAny(encoded, "\r\n") { // which the decoder passes over
			return nil, reply.BadMetadataValue
		}
		metadata[key] = string(value)
		if len(metadata) > maxMetadataPairs {
			return nil, reply.TooMuchMetadata
		}
	}
	if !utf8.ValidString(filename(metadata)) {
		return nil, reply.BadFilename
	}
	return metadata, nil
}

func isKey(key string) bool {
	for _, c := range []byte(key) {
		if c <= ' ' || c > '~' || c == ',' {
			return false
		}
	}
	return key != ""
}

// The protocol gives no meaning to keys. filename and filetype are what tus-js-client's documentation and tusd use;
// name and type are Uppy's.

func filename(metadata map[string]string) string { return first(metadata, "filename", "name") }

// filetype is what the client calls the type of the file, if that is text at all.
func filetype(metadata map[string]string) string {
	kind := first(metadata, "filetype", "type")
	for _, c := range []byte(kind) {
		if c < ' ' || c > '~' {
			return ""
		}
	}
	return kind
}

func first(metadata map[string]string, keys ...string) string {
	for _, key := range keys {
		if value, ok := metadata[key]; ok {
			return value
		}
	}
	return ""
}
