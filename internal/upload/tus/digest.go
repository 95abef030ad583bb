package tus

import (
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"hash"
	"io"

	"django-sidecar/internal/upload/media"
)

// digestOf is the SHA-256 of the bytes that count, to go on with; nil where none is wanted. It is in the state, unless
// that was written without, or by a Go that kept it otherwise.
func (h *Handler) digestOf(f *media.PendingFile, s *state) (hash.Hash, error) {
	if !h.Digest {
		return nil, nil //nolint:nilnil // no digest and no error
	}
	digest := sha256.New()
	if u, ok := digest.(encoding.BinaryUnmarshaler); ok && len(s.Hash) > 0 && u.UnmarshalBinary(s.Hash) == nil {
		return digest, nil
	}
	digest.Reset()
	_, err := io.Copy(digest, io.NewSectionReader(f, 0, s.Offset))
	return digest, err
}

// sumOf is the SHA-256 of the whole file in hexadecimal digits, "" where none is wanted.
func (h *Handler) sumOf(f *media.PendingFile, s *state) (string, error) {
	digest, err := h.digestOf(f, s)
	if err != nil || digest == nil {
		return "", err
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}
