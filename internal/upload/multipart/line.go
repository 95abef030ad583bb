package multipart

import "bytes"

// A lineKind says what a line is that begins with "--" and the boundary.
type lineKind int

const (
	lineOther     lineKind = iota // content that looks like a boundary
	lineUndecided                 // more bytes must tell
	lineDelimiter                 // the line before a part
	lineClosing                   // the line after the last part
)

// maxPadding bounds the white space behind a boundary (RFC 2046, 5.1.1: transport-padding), which a relay may have
// added.
const maxPadding = 64

// judgeLine judges the rest of a line after the boundary. Only white space may follow it, and before that the "--" of
// the closing one. The line ends in CRLF, or LF, as before the boundary; the closing one also at the end of the body.
func judgeLine(rest []byte, last bool) lineKind {
	kind := lineDelimiter
	switch {
	case bytes.HasPrefix(rest, []byte("--")):
		kind, rest = lineClosing, rest[2:]
	case len(rest) == 0 || len(rest) == 1 && rest[0] == '-':
		return unlessLast(last)
	}
	padding := 0
	for padding < len(rest) && (rest[padding] == ' ' || rest[padding] == '\t') {
		if padding++; padding > maxPadding {
			return lineOther
		}
	}
	switch rest = rest[padding:]; {
	case bytes.HasPrefix(rest, []byte{'\n'}), bytes.HasPrefix(rest, []byte("\r\n")):
		return kind
	case len(rest) > 1 || len(rest) == 1 && rest[0] != '\r':
		return lineOther
	case kind == lineClosing && last:
		return kind
	}
	return unlessLast(last)
}

// unlessLast is the answer where more bytes must tell, if there are any.
func unlessLast(last bool) lineKind {
	if last {
		return lineOther
	}
	return lineUndecided
}
