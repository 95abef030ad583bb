package main

import (
	"io"
	"strings"

	"django-sidecar/djangosession"
)

// maxCookieBytes bounds what verify reads: more than any server lets through in a header.
const maxCookieBytes = 64 << 10

// readCookie reads what verify and check have on stdin.
func readCookie(in io.Reader) (string, error) {
	input, err := io.ReadAll(io.LimitReader(in, maxCookieBytes))
	return strings.TrimRight(string(input), "\r\n"), err
}

const cookieHeader = "cookie:"

func hasHeaderName(text string) bool {
	return len(text) >= len(cookieHeader) && strings.EqualFold(text[:len(cookieHeader)], cookieHeader)
}

// withoutHeaderName is a Cookie header as it is copied from a browser, without its name.
func withoutHeaderName(text string) string {
	if hasHeaderName(text) {
		return strings.TrimSpace(text[len(cookieHeader):])
	}
	return text
}

// isHeader reports whether text is a Cookie header and not a session key: it has the header's name, or a cookie of
// one of the names. No key that Django makes has a "=", neither a random one (contrib/sessions/backends/base.py, 5.2,
// VALID_KEY_CHARS) nor a signed cookie (core/signing.py, 5.2, b64_encode strips them).
func isHeader(text string, names []string) bool {
	_, name := djangosession.FirstSessionKey([]string{text}, names)
	return hasHeaderName(text) || name != ""
}
