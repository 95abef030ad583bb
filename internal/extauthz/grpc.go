package extauthz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"django-sidecar/internal/reply"
)

// maxMessageBytes bounds a message. Envoy takes 60 KiB of headers from a client unless it is told otherwise; a body,
// which Envoy sends along where with_request_body is set, is of no use here.
const maxMessageBytes = 1 << 20

// prefixBytes is what stands before each message: a byte that says whether it is compressed, and its length.
const prefixBytes = 5

// isGRPC is what the specification of gRPC over HTTP/2 asks of a request, as far as it matters.
func isGRPC(r *http.Request) bool {
	kind := r.Header.Get("Content-Type")
	return r.Method == http.MethodPost && r.ProtoMajor == 2 &&
		(kind == "application/grpc" || strings.HasPrefix(kind, "application/grpc+proto") ||
			strings.HasPrefix(kind, "application/grpc;"))
}

// countedMessage counts a message as it comes.
type countedMessage struct {
	body    io.Reader
	arrival *arrival
}

// Read implements io.Reader.
func (c countedMessage) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	if !c.arrival.add(n) {
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// readMessage reads the one message of a unary call.
func readMessage(r *http.Request, a *arrival) ([]byte, error) {
	var prefix [prefixBytes]byte
	if _, err := io.ReadFull(r.Body, prefix[:]); err != nil {
		return nil, reply.CallCutShort
	}
	if prefix[0] != 0 {
		return nil, reply.CallCompressed
	}
	size := binary.BigEndian.Uint32(prefix[1:])
	if size > maxMessageBytes {
		return nil, reply.CallTooLarge
	}
	// the rest grows as it comes, so that a length alone costs nothing
	message := bytes.NewBuffer(make([]byte, 0, min(size, 2<<10)))
	if _, err := io.CopyN(message, countedMessage{r.Body, a}, int64(size)); err != nil {
		return nil, reply.CallCutShort
	}
	var more [1]byte
	if _, err := io.ReadFull(r.Body, more[:]); !errors.Is(err, io.EOF) {
		return nil, reply.CallTwice
	}
	return message.Bytes(), nil
}

// writeMessage sends an answer, and that the call has succeeded.
func writeMessage(w http.ResponseWriter, message []byte) {
	h := w.Header()
	h["Content-Type"] = []string{"application/grpc"}
	h["Trailer"] = []string{"Grpc-Status"}
	frame := make([]byte, prefixBytes, prefixBytes+len(message))
	binary.BigEndian.PutUint32(frame[1:], uint32(len(message))) //nolint:gosec // some kilobytes
	_, _ = w.Write(append(frame, message...))                   // it fails where the peer is gone
	h["Grpc-Status"] = []string{"0"}
}

// fail ends a call with an error alone, which gRPC puts into the header.
func fail(w http.ResponseWriter, err error) {
	c := callOf(err)
	h := w.Header()
	h["Content-Type"] = []string{"application/grpc"}
	h["Grpc-Status"] = []string{strconv.FormatUint(uint64(c.Code), 10)}
	h["Grpc-Message"] = []string{c.Message} // printable ASCII without "%", which needs no encoding
	w.WriteHeader(http.StatusOK)
}
