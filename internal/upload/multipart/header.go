package multipart

import (
	"bytes"
	"unicode/utf8"

	"django-sidecar/internal/pytext"
)

// parse reads the lines of a header that matter. As in Django, a line without a colon is passed over, a line that
// begins with white space continues none, and of two lines with one name the last one counts.
//
//	django/http/multipartparser.py, 6.1, parse_boundary_stream:
//	for line in header.split(b"\r\n"): ... outdict[name] = value, params
func (p *Part) parse(header []byte) error {
	for line := range bytes.SplitSeq(header, []byte("\r\n")) {
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found {
			continue
		}
		bare := bytes.TrimFunc(name, pytext.IsSpace)
		disposition, contentType := isASCIIFold(bare, "content-disposition"), isASCIIFold(bare, "content-type")
		encoding := isASCIIFold(bare, "content-transfer-encoding")
		value = bytes.Trim(value, " \t")
		switch {
		case !disposition && !contentType && !encoding:
		case len(bare) != len(name):
			// To 5.2 Django knows such a line with white space before the name, and in 6.1 with a space after it.
			return &ParserError{"white space around the name of a part's header"}
		case disposition:
			p.Disposition = value
		case !utf8.Valid(line): // passed over, from 4.2; of the disposition too, but that is for its reader to decide
		case contentType:
			p.ContentType = value
		case encoding:
			p.Base64 = isBase64(value)
		}
	}
	return nil
}

// isBase64 says whether the value of Content-Transfer-Encoding is the one that Django decodes. It passes over every
// other, quoted-printable too: django/http/multipartparser.py, 1.11 to 6.1, if transfer_encoding == "base64".
func isBase64(value []byte) bool {
	encoding, _, _ := bytes.Cut(value, []byte(";"))
	return isASCIIFold(bytes.TrimFunc(encoding, pytext.IsSpace), "base64")
}
