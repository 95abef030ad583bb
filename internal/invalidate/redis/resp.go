package redis

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// RESP3 is the protocol in which Redis tells without having been asked:
// https://redis.io/docs/latest/develop/reference/protocol-spec. go-redis speaks it too, on connections that it lends
// for one command at a time and whose answers may be of any size. For a connection that only listens there is this
// reader: it bounds what it keeps of what a server sends, and holds no key longer than it takes to tell of it.

// Bounds of what a server may send. An answer that is asked for here has some forty parts and a thousand bytes.
const (
	maxRespText  = 64 << 10 // of one text, and so of the name of a key
	maxRespParts = 4096     // of one answer
	maxRespBytes = 256 << 10
	maxRespDepth = 8
)

// errResp is all that is said of what is no RESP3: it may be anything, from anywhere.
var errResp = errors.New("what has come is no RESP3")

// respValue is an answer in its parts. A map has its keys and values in turn.
type respValue struct {
	kind  byte // as it is written: '+' and '$' are texts, '-' and '!' errors, '_' is nothing
	text  string
	parts []respValue
}

// isError reports whether a command was refused. The text of an answer is why, then.
func (v respValue) isError() bool { return v.kind == '-' }

// entry returns the value of a map's entry, nothing where there is none.
func (v respValue) entry(name string) respValue {
	if v.kind == '%' {
		for i := 0; i+1 < len(v.parts); i += 2 {
			if v.parts[i].text == name {
				return v.parts[i+1]
			}
		}
	}
	return respValue{}
}

// has reports whether a text is one of a set or an array.
func (v respValue) has(text string) bool {
	return slices.ContainsFunc(v.parts, func(p respValue) bool { return p.text == text })
}

// appendCommand writes a command.
func appendCommand(b []byte, args ...string) []byte {
	b = fmt.Appendf(b, "*%d\r\n", len(args))
	for _, arg := range args {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	return b
}

// respReader reads what a server sends.
type respReader struct {
	br  *bufio.Reader
	buf []byte // of the last text
}

// respHeader is how a value begins: what it is, and how long or what.
type respHeader struct {
	kind byte
	n    int    // the length of a text, and the number of parts; -1 for RESP2's nothing
	line string // of a value that is one line
}

func (r *respReader) header() (respHeader, error) {
	line, err := r.br.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return respHeader{}, errResp
	case err != nil:
		return respHeader{}, ended(err)
	case len(line) < 3 || line[len(line)-2] != '\r':
		return respHeader{}, errResp
	}
	h := respHeader{kind: line[0]}
	rest := string(line[1 : len(line)-2])
	switch h.kind {
	case '+', '-', ':', ',', '#', '_', '(':
		h.line = rest
		return h, nil
	case '$', '=', '!', '*', '~', '%', '>':
		n, err := strconv.ParseInt(rest, 10, 32)
		if err != nil || n < -1 || n == -1 && h.kind != '$' && h.kind != '*' {
			return respHeader{}, errResp
		}
		h.n = int(n)
		return h, nil
	}
	return respHeader{}, errResp // with attributes and streamed values, which nobody here asks for
}

// ended is a connection's end as one that came too early.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// bytes reads the rest of a text. It returns what the next call overwrites.
func (r *respReader) bytes(n int) ([]byte, error) {
	if n < 0 || n > maxRespText {
		return nil, errResp
	}
	if cap(r.buf) < n+2 {
		r.buf = make([]byte, n+2)
	}
	b := r.buf[:n+2]
	if _, err := io.ReadFull(r.br, b); err != nil {
		return nil, ended(err)
	}
	if b[n] != '\r' || b[n+1] != '\n' {
		return nil, errResp
	}
	return b[:n], nil
}

// text reads a whole text.
func (r *respReader) text() (string, error) {
	h, err := r.header()
	switch {
	case err != nil:
		return "", err
	case h.kind == '+':
		return h.line, nil
	case h.kind != '$':
		return "", errResp
	}
	b, err := r.bytes(h.n)
	return string(b), err
}

// respBudget is what may still come of an answer.
type respBudget struct{ parts, bytes int }

// value reads the rest of an answer.
func (r *respReader) value(h respHeader) (respValue, error) {
	return r.bounded(h, &respBudget{parts: maxRespParts, bytes: maxRespBytes}, 0)
}

func (r *respReader) bounded(h respHeader, left *respBudget, depth int) (respValue, error) {
	v := respValue{kind: h.kind, text: h.line}
	count := 0
	switch h.kind {
	case '$', '=', '!':
		if h.n == -1 {
			return respValue{kind: '_'}, nil
		}
		text, err := r.bytes(h.n)
		if err != nil {
			return respValue{}, err
		}
		v.text = string(text)
		if h.kind == '!' {
			v.kind = '-'
		}
	case '*', '~', '>':
		if count = h.n; count == -1 {
			return respValue{kind: '_'}, nil
		}
	case '%':
		if count = h.n; count > maxRespParts {
			return respValue{}, errResp
		}
		count *= 2
	}
	left.parts -= count
	left.bytes -= len(v.text)
	if left.parts < 0 || left.bytes < 0 || depth == maxRespDepth && count > 0 {
		return respValue{}, errResp
	}
	for range count {
		h, err := r.header()
		if err != nil {
			return respValue{}, err
		}
		part, err := r.bounded(h, left, depth+1)
		if err != nil {
			return respValue{}, err
		}
		v.parts = append(v.parts, part)
	}
	return v, nil
}
