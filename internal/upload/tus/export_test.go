package tus

import (
	"encoding/hex"
)

// The parsers, for fuzzing.
var (
	ParseMetadata = parseMetadata
	ParseDecimal  = parseDecimal
	ChecksumOf    = checksumOf
	Filename      = filename
)

const (
	SyncBytes   = syncBytes
	BufferBytes = bufferBytes
)

// SyncEvery makes bytes count earlier than SyncBytes.
func (h *Handler) SyncEvery(bytes int64) { h.syncEvery = bytes }

// IDOf is what the state directory knows an upload by.
var IDOf = idOf

// ReadState reads a state, and writes what it has read.
func ReadState(document []byte) (owner string, written []byte, err error) {
	s, err := decodeState(document)
	if err != nil {
		return "", nil, err
	}
	written, err = s.encode()
	return s.Owner, written, err
}

// Forget takes the hash out of an upload's state, and reports whether there was one for all its bytes.
func (h *Handler) Forget(id, owner string) (had bool, err error) {
	s, err := h.load(id, owner)
	if err != nil {
		return false, err
	}
	had = len(hex.EncodeToString(s.Hash)) > 0
	s.Hash = nil
	return had, h.save(id, s)
}

// Unfinished is what counts against a user's limits.
func (h *Handler) Unfinished(owner string) (files int, bytes int64) {
	h.open.mu.Lock()
	defer h.open.mu.Unlock()
	for _, u := range h.open.users[owner] {
		files, bytes = files+1, bytes+u.bytes
	}
	return files, bytes
}
