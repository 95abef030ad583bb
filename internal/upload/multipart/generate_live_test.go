//go:build live

package multipart_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"

	"django-sidecar/internal/upload/multipart"
)

// A body is what Django and this package are both asked for.
type body struct {
	boundary string
	bytes    []byte
	limits   multipart.Limits
}

func (b body) contentType() string {
	return fmt.Sprintf("multipart/form-data; boundary=\"%s\"", b.boundary)
}

var boundaries = []string{
	"+++++", "+++++", "+++++org.apache.cordova.formBoundary", "----WebKitFormBoundary7MA4YWxkTrZu0gW", "b", "a b", "x'()+_,-./:=?",
	"-", strings.Repeat("0123456789", 7), strings.Repeat("z", 201),
}

// generator makes bodies: well-formed ones, odd ones, and broken ones.
type generator struct {
	*rand.Rand
	boundary string
}

// one is true once in n times.
func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

func (g *generator) body() body {
	g.boundary = pick(g, boundaries...)
	b := body{boundary: g.boundary, limits: multipart.Limits{HeaderBytes: 1024, Files: 100, Fields: 1000, FieldBytes: 2621440}}
	var text strings.Builder
	if g.one(12) {
		text.WriteString(pick(g, "\r\n", "preamble\r\n", "\n", "a: b\r\n\r\n", strings.Repeat("p", 1000+g.IntN(50))+"\r\n", "Content-Disposition: form-data; name=\"p\"\r\n\r\nx\r\n"))
	}
	count := pick(g, 0, 1, 1, 2, 2, 3, 4, 6)
	if g.one(10) { // around the limits
		b.limits.Files, b.limits.Fields, b.limits.FieldBytes = 1+g.IntN(3), 1+g.IntN(4), int64(1+g.IntN(60))
	}
	if g.one(200) {
		count = pick(g, 98, 100, 101, 110)
	}
	for range count {
		g.part(&text)
	}
	text.WriteString("--" + g.boundary + "--" + g.padding())
	text.WriteString(pick(g, "\r\n", "\r\n", "\r\n", "\n", ""))
	b.bytes = []byte(text.String())
	if g.one(12) {
		b.bytes = append(b.bytes, pick(g, "epilogue", "\r\n\r\n", "\r\n--"+g.boundary+"\r\nContent-Disposition: form-data; name=\"e\"\r\n\r\nx\r\n", strings.Repeat("e", 1100))...)
	}
	if g.one(30) {
		b.bytes = b.bytes[:g.IntN(len(b.bytes)+1)]
	}
	if g.one(4) && len(b.bytes) < 32<<10 { // so that no part longer than Django's chunks loses its header
		for range 1 + g.IntN(3) {
			b.bytes = g.mutated(b.bytes)
		}
	}
	return b
}

func (g *generator) padding() string { return pick(g, "", "", "", "", "", "", "", " ", "\t \t") }

// part writes a boundary line, a header, and a content.
func (g *generator) part(text *strings.Builder) {
	nl := "\r\n"
	if g.one(60) {
		nl = "\n"
	}
	text.WriteString("--" + g.boundary + g.padding() + pick(g, "\r\n", nl))
	kind := pick(g, "file", "file", "file", "field", "field", "raw")
	encoding := ""
	if g.one(5) {
		encoding = pick(g, "base64", "base64", "BASE64", " base64 ; x=y", "quoted-printable", "7bit", "base64x")
	}
	header := strings.Join(g.header(kind, encoding), nl) + nl
	if nl == "\n" || !strings.Contains(header, "; name=") {
		kind = "raw" // Django loses its place in such parts if they are longer than what it reads at once
	}
	text.WriteString(header)
	text.WriteString(nl)
	if strings.Contains(strings.ToLower(encoding), "base64") {
		text.WriteString(g.base64(kind))
	} else {
		text.WriteString(g.content(kind))
	}
	text.WriteString(pick(g, "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", nl, "\n"))
}

func (g *generator) header(kind, encoding string) []string {
	name, value := pick(g, "Content-Disposition", "Content-Disposition", "content-disposition", "CONTENT-DISPOSITION"), "form-data"
	if !g.one(40) {
		value += fmt.Sprintf("; name=\"f%d\"", g.IntN(4))
	}
	if kind == "file" {
		value += pick(g, `; filename="x.txt"`, `; filename="x.txt"`, `; filename="a b.bin"`, `; filename=plain`, `; filename=""`)
	}
	var lines []string
	if kind != "raw" {
		lines = append(lines, name+pick(g, ": ", ": ", ":", ":\t ")+value)
	}
	if g.one(30) {
		lines = append(lines, name+": form-data; name=\"again\"; filename=\"again.txt\"")
	}
	if g.one(2) {
		lines = append(lines, pick(g, "Content-Type: ", "content-type:")+pick(g, "text/plain", "image/JPEG", "text/plain; charset=utf-8", ""))
	}
	if encoding != "" {
		lines = append(lines, pick(g, "Content-Transfer-Encoding: ", "content-transfer-encoding:")+encoding)
	}
	if g.one(4) {
		lines = append(lines, pick(g, "Content-Length: 5", "X-Other: y", "no colon", " folded", ": no name", "X: \x00\xff", "Content-Disposition"))
	}
	if g.one(100) {
		lines = append(lines, pick(g, "Content-Type : odd", " Content-Type: odd"))
	}
	if g.one(50) {
		lines = append(lines, "X-Long: "+strings.Repeat("x", 850+g.IntN(200)))
	}
	g.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return lines
}

// content is made of what could be taken for something else.
func (g *generator) content(kind string) string {
	var text strings.Builder
	for range g.IntN(6) {
		text.WriteString(pick(g, "\r", "\n", "\r\n", "\r\n\r\n", "-", "--", "\r\n--", "abc", "text, text", "\x00\xff", "é", "\r\n-", "--+", "\n--"))
		switch g.IntN(8) {
		case 0:
			text.WriteString("\r\n--" + g.boundary[:g.IntN(len(g.boundary))])
		case 1:
			for range g.IntN(40) {
				text.WriteByte(byte(g.IntN(256)))
			}
		}
		if g.one(40) {
			text.WriteString(pick(g, "", "\r\n", "\n", "\r") + "--" + g.boundary + pick(g, "x", "-", " x", "-- x", "\r", ""))
		}
	}
	if kind == "file" && g.one(50) { // longer than what Django reads at once
		long := make([]byte, 60<<10+g.IntN(100<<10))
		for i := range long {
			long[i] = byte(g.IntN(256))
		}
		text.Write(long)
	}
	return text.String()
}

func (g *generator) base64(kind string) string {
	content := make([]byte, g.IntN(100))
	if kind == "file" && g.one(30) {
		content = make([]byte, 100<<10)
	}
	for i := range content {
		content[i] = byte(g.IntN(256))
	}
	text := base64.StdEncoding.EncodeToString(content)
	if kind == "file" && g.one(2) {
		text = strings.Join(lines(text, pick(g, 76, 75, 7)), pick(g, "\r\n", "\n", " \t"))
	}
	if g.one(25) {
		at := g.IntN(len(text) + 1)
		text = text[:at] + pick(g, "=", "==", "-", "A", "\xff", "\r\n", " ", "AAAA") + text[at:]
	}
	return text
}

// mutated changes one place.
func (g *generator) mutated(b []byte) []byte {
	if len(b) == 0 {
		return b
	}
	at := g.IntN(len(b))
	to := at + g.IntN(min(20, len(b)-at)+1)
	var with []byte
	switch g.IntN(4) {
	case 0: // another byte
		to, with = at+1, []byte{byte(g.IntN(256))}
	case 1: // something more
		to, with = at, []byte(pick(g, "\r", "\n", "\r\n", "-", "--", " ", ":", ";", "\x00", "\r\n--"+g.boundary+"\r\n"))
	case 2: // something less
	case 3: // something twice
		with = append(append(with, b[at:to]...), b[at:to]...)
	}
	return append(append(append([]byte(nil), b[:at]...), with...), b[to:]...)
}
