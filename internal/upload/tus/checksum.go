package tus

import (
	"crypto/hmac"
	"crypto/md5"  //nolint:gosec // against accidents, not against people
	"crypto/sha1" //nolint:gosec // every server must have it: Checksum
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"net/http"
	"strings"

	"django-sidecar/internal/reply"
)

// checksums are the algorithms of Upload-Checksum, in the order in which they are offered.
var checksums = []struct {
	name string
	make func() hash.Hash
}{
	{"sha1", sha1.New}, {"sha256", sha256.New}, {"sha512", sha512.New}, {"md5", md5.New},
}

func checksumNames() string {
	names := make([]string, 0, len(checksums))
	for _, c := range checksums {
		names = append(names, c.name)
	}
	return strings.Join(names, ",")
}

// checksum is what the body of a request must have. nil accepts every body.
type checksum struct {
	hash.Hash
	want []byte
}

// checksumOf reads Upload-Checksum: an algorithm, a space and a checksum in base64. (Checksum, Upload-Checksum)
func checksumOf(h http.Header) (*checksum, error) {
	value, err := single(h, "Upload-Checksum")
	if err != nil || value == "" && len(h.Values("Upload-Checksum")) == 0 {
		return nil, err
	}
	name, encoded, _ := strings.Cut(value, " ")
	for _, c := range checksums {
		if c.name != name {
			continue
		}
		sum := &checksum{Hash: c.make()}
		sum.want, err = base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || len(sum.want) != sum.Size() {
			return nil, reply.BadChecksum
		}
		return sum, nil
	}
	return nil, reply.UnknownChecksum
}

func (c *checksum) verify() error {
	if c != nil && !hmac.Equal(c.Sum(nil), c.want) {
		return reply.OtherChecksum
	}
	return nil
}
