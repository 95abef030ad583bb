package tus

import (
	"net/http"
	"strconv"
	"strings"

	"django-sidecar/internal/reply"
)

// single is the only value of a header, "" where there is none. Programs differ in which of several counts.
func single(h http.Header, name string) (string, error) {
	switch values := h.Values(name); len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", reply.RepeatedHeader.About(name)
}

// absent is the value of a length that is not there.
const absent = -1

// length reads a header that is a non-negative integer, in digits alone; absent where it is missing.
func length(h http.Header, name string) (int64, error) {
	value, err := single(h, name)
	if err != nil || value == "" && len(h.Values(name)) == 0 {
		return absent, err
	}
	n, ok := parseDecimal(value)
	if !ok {
		return absent, reply.NotANumber.About(name)
	}
	return n, nil
}

// parseDecimal reads digits, of a number that an int64 holds.
func parseDecimal(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 63) // without a sign
	return int64(n), err == nil
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// contentType is that of every body: Core protocol, PATCH; Creation With Upload.
const contentType = "application/offset+octet-stream"

// checkBody refuses a body that is not the bytes of the upload as they are.
func checkBody(h http.Header) error {
	given, err := single(h, "Content-Type")
	if err != nil {
		return err
	}
	if !strings.EqualFold(given, contentType) {
		return reply.BadContentType
	}
	if coding, err := single(h, "Content-Encoding"); err != nil || coding != "" && coding != "identity" {
		return reply.BadContentEncoding
	}
	return nil
}
