//go:build live

package e2e

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
)

// formCase is a request, and what is known of it that docs/divergences.md speaks of.
type formCase struct {
	contentType string
	body        string
	// traits are names of what may be read otherwise by a Django on purpose.
	traits map[string]bool
	// contents are those of the files that the body has by RFC 2046, in their order.
	contents []string
	parts    int // how many there are, of any kind
}

// formGenerator makes requests: well-formed ones, odd ones, hostile ones.
type formGenerator struct {
	*rand.Rand
	boundary string
	form     formCase
}

func (g *formGenerator) one(n int) bool { return g.IntN(n) == 0 }

func (g *formGenerator) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g *formGenerator) trait(name string) { g.form.traits[name] = true }

// next makes a request. Files of one field follow each other: Django's request.FILES is sorted by fields.
func (g *formGenerator) next() formCase {
	g.boundary = g.pick("+++++", "+++++org.apache.cordova.formBoundary", "----WebKitFormBoundary7MA4YWxkTrZu0gW", "b", strings.Repeat("0123456789", 7))
	g.form = formCase{contentType: "multipart/form-data; boundary=" + g.boundary, traits: map[string]bool{}}
	if g.one(4) {
		g.form.contentType = `multipart/form-data; boundary="` + g.boundary + `"`
	}
	if g.one(60) {
		g.form.contentType, _ = strings.CutPrefix(g.form.contentType, "multipart")
		g.form.contentType = "Multipart" + g.form.contentType
		g.trait("capital type")
	}
	var body strings.Builder
	body.WriteString(g.preamble())
	for range g.IntN(4) { // Cordova sends its params first
		g.field(&body)
	}
	for n := range []int{1, 1, 1, 2, 3, 0}[g.IntN(6)] {
		for range []int{1, 1, 2}[g.IntN(3)] {
			g.file(&body, fmt.Sprintf("file%d", n))
		}
	}
	for range max(0, g.IntN(4)-2) { // browsers send them where they stand
		g.field(&body)
	}
	if g.one(40) {
		g.trait("not closed")
	} else {
		body.WriteString("--" + g.boundary + "--" + g.pick("\r\n", "\r\n", "", "\n"))
		if g.one(40) {
			g.trait("epilogue")
			body.WriteString(g.pick("\r\nbye", "\r\n--"+g.boundary+"\r\nContent-Disposition: form-data; name=\"e\"; filename=\"e.txt\"\r\n\r\nx\r\n"))
		}
	}
	g.form.body = body.String()
	return g.form
}

func (g *formGenerator) preamble() string {
	if !g.one(40) {
		return ""
	}
	g.trait("preamble")
	return g.pick("\r\n", "preamble\r\n", "Content-Disposition: form-data; name=\"p\"; filename=\"p.txt\"\r\n\r\nx\r\n")
}

// field writes a part that is no file.
func (g *formGenerator) field(body *strings.Builder) {
	g.form.parts++
	value := g.pick("", "a value", "é", strings.Repeat("v", g.IntN(120)), "line\r\nline")
	header := "Content-Disposition: form-data; name=\"" + g.pick("title", "key", "a b", "é", "") + "\""
	if g.one(8) {
		header += "\r\nContent-Type: text/plain; charset=UTF-8"
	}
	fmt.Fprintf(body, "--%s\r\n%s\r\n\r\n%s\r\n", g.boundary, header, value)
}

// file writes a part that is a file, or could be taken for one.
func (g *formGenerator) file(body *strings.Builder, field string) {
	lines := []string{g.pick("Content-Disposition", "Content-Disposition", "content-disposition", "CONTENT-DISPOSITION") +
		g.pick(": ", ": ", ":", ":\t") + g.disposition(field)}
	if !g.one(4) {
		lines = append(lines, "Content-Type: "+g.pick("text/plain", "image/jpeg", "Image/PNG", "text/html; charset=utf-8", "application/octet-stream", "", "x", "text/é"))
	}
	content := g.content()
	encoded := content
	if g.one(5) {
		lines = append(lines, g.pick("Content-Transfer-Encoding: base64", "content-transfer-encoding:BASE64", "Content-Transfer-Encoding: base64 ; x=y"))
		encoded = g.base64(content)
	} else if g.one(12) {
		lines = append(lines, "Content-Transfer-Encoding: "+g.pick("binary", "8bit", "quoted-printable"))
	}
	lines = append(lines, g.odd()...)
	g.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	fmt.Fprintf(body, "--%s%s\r\n%s\r\n\r\n%s\r\n", g.boundary, g.pick("", "", "", "", " \t"), strings.Join(lines, "\r\n"), encoded)
	g.form.contents = append(g.form.contents, content)
	g.form.parts++
}

// odd are lines of a part's header that somebody might send.
func (g *formGenerator) odd() []string {
	switch g.IntN(40) {
	case 0, 1, 2:
		return []string{"Content-Length: 5"} // Cordova on iOS
	case 3:
		return []string{"X-Other: y", "no colon", ": no name"}
	case 4:
		return []string{"X: \x00\xff"}
	case 5:
		g.trait("long header")
		return []string{"X-Long: " + strings.Repeat("x", 1000)}
	case 6:
		g.trait("white space")
		return []string{g.pick("Content-Type : odd/odd", " Content-Type: odd/odd")}
	case 7:
		g.trait("not UTF-8")
		return []string{"Content-Type: text/\xe9"}
	}
	return nil
}

// content is empty, small, full of what could be taken for something else, or longer than what Django reads at once.
func (g *formGenerator) content() string {
	switch g.IntN(9) {
	case 0:
		return ""
	case 1:
		return "\r\n--" + g.boundary[:g.IntN(len(g.boundary))] + "\r\n"
	case 2:
		return g.pick("\r", "\n", "\r\n", "\r\n\r\n", "--", "\r\n--", "a\r\n-", "\x00\xff")
	case 3:
		if g.one(4) && g.boundary != "b" {
			g.trait("boundary in a line")
			return "abc--" + g.boundary + "def"
		}
		if g.one(2) {
			return g.random(66<<10 + g.IntN(30<<10))
		}
	}
	return g.random(g.IntN(300))
}

// random has no dash, and so no boundary.
func (g *formGenerator) random(n int) string {
	content := make([]byte, n)
	for i := range content {
		if content[i] = byte(g.IntN(256)); content[i] == '-' {
			content[i] = 0
		}
	}
	return string(content)
}

func (g *formGenerator) base64(content string) string {
	text := base64.StdEncoding.EncodeToString([]byte(content))
	if width := []int{0, 76, 75, 7}[g.IntN(4)]; width > 0 && len(text) < 10<<10 {
		var lines []string
		for ; len(text) > width; text = text[width:] {
			lines = append(lines, text[:width])
		}
		text = strings.Join(append(lines, text), g.pick("\r\n", "\n"))
	}
	if g.one(6) {
		g.trait("not base64")
		at := g.IntN(len(text) + 1)
		text = text[:at] + g.pick("=", "-", "A", "\xff", "*") + text[at:]
	}
	return text
}
