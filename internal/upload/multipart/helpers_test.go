package multipart_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/internal/upload/multipart"
)

// A part is what a test reads of one. Content is nil where it is passed over.
type part struct {
	Disposition, ContentType string
	Base64                   bool
	Content                  []byte
}

// kindOf tells files and fields apart as far as the tests need it; Django's way is in internal/upload/naming.
func kindOf(disposition []byte) string {
	switch {
	case bytes.Contains(disposition, []byte(`filename="`)):
		return "file"
	case bytes.Contains(disposition, []byte(`name="`)):
		return "field"
	}
	return "raw"
}

// onlyReader hides every other method of a reader, as plainWriter does of a writer: no io.Copy takes a short cut.
type onlyReader struct{ io.Reader }

type onlyWriter struct{ io.Writer }

// readAll reads a body to its end or to an error. With readSize, files are read by Read in pieces of that size, and
// otherwise by WriteTo.
func readAll(source io.Reader, contentType string, limits multipart.Limits, buffer []byte, readSize int) ([]part, error) {
	r, err := multipart.NewReader(source, contentType, limits, buffer)
	if err != nil {
		return nil, err
	}
	var parts []part
	for {
		p, err := r.Next()
		if err != nil {
			if _, again := r.Next(); !errors.Is(again, err) {
				return parts, fmt.Errorf("the error %w does not stay, but becomes %w", err, again)
			}
			return parts, err
		}
		got := part{Disposition: string(p.Disposition), ContentType: string(p.ContentType), Base64: p.Base64}
		got.Content, err = contentOf(p, readSize)
		if err != nil {
			if _, again := r.Next(); !errors.Is(again, err) {
				return parts, fmt.Errorf("the error %w does not stay, but becomes %w", err, again)
			}
			return parts, err
		}
		parts = append(parts, got)
	}
}

func contentOf(p *multipart.Part, readSize int) ([]byte, error) {
	switch kindOf(p.Disposition) {
	case "file":
		f, err := p.File()
		if err != nil {
			return nil, err
		}
		content := bytes.NewBuffer([]byte{})
		if readSize > 0 {
			_, err = io.CopyBuffer(onlyWriter{content}, onlyReader{f}, make([]byte, readSize))
		} else {
			_, err = f.WriteTo(content)
		}
		return content.Bytes(), err
	case "field":
		return p.Field(1)
	}
	return nil, nil
}

// slowParse does what readAll does in the obvious way, with the whole body in memory.
func slowParse(body []byte, boundary string, limits multipart.Limits) ([]part, error) {
	line := regexp.MustCompile(`\r?\n--` + regexp.QuoteMeta(boundary) + `(?:(--)[ \t]{0,64}(?:\r?\n|\r?\z)|[ \t]{0,64}\r?\n)`)
	rest := append([]byte("\r\n"), body...)
	var parts []part
	files, fields, fieldBytes := 0, 0, int64(0)
	for first := true; ; first = false {
		at := line.FindSubmatchIndex(rest)
		if first && len(whole(rest, at, boundary)) >= limits.HeaderBytes+2 {
			return parts, multipart.ErrHeaderTooLarge
		}
		if !first {
			p, err := slowPart(whole(rest, at, boundary), limits.HeaderBytes, at == nil)
			if err != nil {
				return parts, err
			}
			kind := kindOf([]byte(p.Disposition))
			if kind == "raw" {
				p.Content = nil
				parts = append(parts, p)
			}
			if kind == "file" {
				files++
			} else if at != nil || kind == "field" { // what is passed over is counted at its end
				fields++
			}
			if kind == "field" {
				fieldBytes += int64(len(p.Content)) + 3
			}
			switch content, ok := slowContent(p, kind); {
			case files > limits.Files:
				return parts, multipart.ErrTooManyFiles
			case fields > limits.Fields:
				return parts, multipart.ErrTooManyFields
			case fieldBytes > limits.FieldBytes:
				return parts, multipart.ErrFieldsTooLarge
			case !ok:
				return parts, errMalformed
			case at != nil && kind != "raw":
				p.Content = content
				parts = append(parts, p)
			}
		}
		switch {
		case at == nil:
			return parts, multipart.ErrTruncated
		case at[2] >= 0:
			return parts, io.EOF
		}
		rest = rest[at[0]+bytes.IndexByte(rest[at[0]:], '\n')+len("\n--")+len(boundary):]
	}
}

// errMalformed stands for any ParserError.
var errMalformed = errors.New("malformed")

// whole is what comes before the boundary line at a place. Without one, it is what can be told to be content: a delimiter's
// beginning at the end of the body is not.
func whole(rest []byte, at []int, boundary string) []byte {
	if at != nil {
		return rest[:at[0]]
	}
	for _, delimiter := range []string{"\r\n--" + boundary, "\n--" + boundary} {
		for n := len(delimiter) - 1; n > 0; n-- {
			if bytes.HasSuffix(rest, []byte(delimiter[:n])) {
				return rest[:len(rest)-n]
			}
		}
	}
	return rest
}

func slowPart(data []byte, headerBytes int, truncated bool) (part, error) {
	header, content, found := bytes.Cut(data, []byte("\r\n\r\n"))
	switch {
	case found && len(header)+4 <= headerBytes:
	case len(data) >= headerBytes:
		return part{}, multipart.ErrHeaderTooLarge
	case truncated:
		return part{}, multipart.ErrTruncated
	default:
		return part{}, nil
	}
	p := part{Content: content}
	for _, line := range strings.Split(string(header), "\r\n") {
		m := headerLine.FindStringSubmatch(line)
		switch {
		case m == nil:
			continue
		case m[1] != "" || m[3] != "":
			return p, errMalformed
		}
		switch name := strings.ToLower(m[2]); {
		case name == "content-disposition":
			p.Disposition = strings.Trim(m[4], " \t")
		case strings.ToValidUTF8(line, "") != line:
		case name == "content-type":
			p.ContentType = strings.Trim(m[4], " \t")
		default:
			value, _, _ := strings.Cut(m[4], ";")
			p.Base64 = base64Value.MatchString(value)
		}
	}
	return p, nil
}

var (
	headerLine  = regexp.MustCompile(`\A([\s\v\x{85}\p{Z}\x1c-\x1f]*)((?:[Cc][Oo][Nn][Tt][Ee][Nn][Tt])-(?:[Dd][Ii][Ss][Pp][Oo][Ss][Ii][Tt][Ii][Oo][Nn]|[Tt][Yy][Pp][Ee]|[Tt][Rr][Aa][Nn][Ss][Ff][Ee][Rr]-[Ee][Nn][Cc][Oo][Dd][Ii][Nn][Gg]))([\s\v\x{85}\p{Z}\x1c-\x1f]*):((?s).*)\z`)
	base64Value = regexp.MustCompile(`\A[\s\v\x{85}\p{Z}\x1c-\x1f]*[Bb][Aa][Ss][Ee]64[\s\v\x{85}\p{Z}\x1c-\x1f]*\z`)
	base64Text  = regexp.MustCompile(`\A(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\z`)
)

// slowContent is what is read of a part's content.
func slowContent(p part, kind string) ([]byte, bool) {
	text := string(p.Content)
	switch {
	case kind == "raw":
		return nil, true
	case !p.Base64:
		return p.Content, true
	case kind == "file":
		text = strings.NewReplacer(" ", "", "\t", "", "\n", "", "\v", "", "\f", "", "\r", "").Replace(text)
	}
	if !base64Text.MatchString(text) {
		return p.Content, kind == "field"
	}
	return slowBase64(text), true
}

// slowBase64 decodes what base64Text matches, bit by bit.
func slowBase64(text string) []byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	decoded := []byte{}
	bits, count := 0, 0
	for _, c := range strings.TrimRight(text, "=") {
		bits, count = bits<<6|strings.IndexRune(alphabet, c), count+6
		if count >= 8 {
			count -= 8
			decoded = append(decoded, byte(bits>>count))
			bits &= 1<<count - 1
		}
	}
	return decoded
}

// pieces is a reader that returns pieces of given sizes, in turn.
type pieces struct {
	data  []byte
	sizes []byte
	next  int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	size := len(p.data)
	if len(p.sizes) > 0 {
		size = int(p.sizes[p.next%len(p.sizes)])
		p.next++
	}
	n := copy(b, p.data[:min(size, len(p.data))])
	p.data = p.data[n:]
	if len(p.data) == 0 && size%2 == 0 { // both ways that a reader may end
		return n, io.EOF
	}
	return n, nil
}

// sameError says whether two errors are the same answer.
func sameError(got, want error) bool {
	if errors.Is(want, errMalformed) {
		return errors.As(got, new(*multipart.ParserError))
	}
	return errors.Is(got, want)
}

// diffParts is "" for equal parts. Only others are given to cmp, which takes long.
func diffParts(want, got []part) string {
	if slices.EqualFunc(want, got, func(a, b part) bool {
		return a.Disposition == b.Disposition && a.ContentType == b.ContentType && a.Base64 == b.Base64 && bytes.Equal(a.Content, b.Content)
	}) {
		return ""
	}
	return fmt.Sprintf("%.2000s", cmp.Diff(want, got))
}

// crlf writes the line ends of a body as they are sent.
func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

func mustRead(tb testing.TB, contentType, body string, limits multipart.Limits) []part {
	tb.Helper()
	parts, err := readAll(strings.NewReader(body), contentType, limits, nil, 0)
	if !errors.Is(err, io.EOF) {
		tb.Fatalf("%q: %v", body, err)
	}
	return parts
}
