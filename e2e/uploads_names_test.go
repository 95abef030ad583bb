//go:build live

package e2e

import (
	"html"
	"strings"
	"unicode"
)

// disposition is the value of a Content-Disposition line.
func (g *formGenerator) disposition(field string) string {
	name := `form-data; name="` + field + `"; `
	switch g.IntN(12) {
	case 0:
		return name + g.pick(
			`filename*=UTF-8''na%C3%AFve%2Fx.txt`, `filename*=UTF-8''%e2%82%ac%20rates.txt`, `filename="plain.txt"; filename*=UTF-8''star.txt`,
			`filename*=UTF-8''star.txt; filename="plain.txt"`, `filename*=iso-8859-1''caf%E9.txt`, `filename*=utf-8'en'%66%6f%6f.txt`,
			`filename*0="ab"; filename*1="cd.txt"`, `filename*0*=UTF-8''%C3%A9; filename*1=".txt"`)
	case 1:
		return g.hostile(field)
	case 2:
		return name + "filename=" + g.pick("bare.txt", "bare name.txt", "a;b.txt", "photo.jpg")
	case 3, 4: // taken by those before
		return name + `filename="` + g.pick("photo.jpg", "photo.jpg", "a.tar.gz", ".htaccess", "README", "v1.2.3 final.txt", "!@#$%.txt", "été.png") + `"`
	case 5:
		long := strings.Repeat(g.pick("x", "é", "漢", "y z"), 20+g.IntN(80))
		return name + `filename="` + long + g.pick("", ".txt", ".tar.gz", "."+strings.Repeat("e", 10+g.IntN(70))) + `"`
	}
	return name + `filename="` + g.name() + `"`
}

// hostile are headers on which programs disagree.
func (g *formGenerator) hostile(field string) string {
	g.trait("passed over") // or not
	name := `form-data; name="` + field + `"; `
	switch g.IntN(12) {
	case 0:
		g.trait("unknown charset")
		return name + `filename*=BOGUS''x.txt`
	case 1:
		g.trait("star and continuation")
		return name + `filename*=UTF-8''x.txt; filename*0="y.txt"`
	case 2:
		g.trait("no field name")
		return g.pick(`form-data; filename="nameless.txt"`, `form-data; name=""; filename="nameless.txt"`)
	case 3:
		g.trait("nothing left")
		return name + `filename="` + g.pick("!!!", "***", "#?", "..", ".", "...", "&period;&period;") + `"`
	case 4:
		g.trait("no name before 2.2")
		return name + `filename="` + g.pick("dir/", `C:\`, "/") + `"`
	case 5:
		g.trait("lone surrogate")
		return name + `filename="a&#xD800;b.txt"`
	case 6:
		return name + "filename=\"caf\xe9.txt\"" // Latin-1
	case 7:
		return name + `filename=""`
	case 8:
		return name + `filename="one.txt"; filename="two.txt"`
	case 9:
		g.trait("huge character")
		return name + `filename="x&#9999999999;.txt"`
	}
	return g.pick(`attachment; name="`+field+`"; filename="x.txt"`, name+`filename="x.txt`, name+`filename`, name+`filename=`, name+`FILENAME="x.txt"`)
}

// name is what a file could be called, with what some step of the way looks at.
func (g *formGenerator) name() string {
	pieces := []string{
		"a", "report", "Z9", "_", "-", ".", "..", ".txt", ".tar.gz", " ", "  ", "\t", "\u00a0", "\u3000", "/", `\`, "../", `..\`, `C:\`, "(1)", "'", "#",
		"é", "e\u0301", "กำนัน", "漢字", "😀", "\u200d", "\u202e", "\ufeff", "\x00", "\x01", "\x7f", "\n", "²", "Ⅷ", "٣", "ß", "İ", "\ufffd", "\u2028",
		"&amp;", "&amp", "&#47;", "&#x2f;", "&sol;", "&bsol;", "&period;", "&lt;", "&notit;", "&nGt;", "&#0;", "&#128;", "&#x110000;", "&#;", "&#x;", "&",
		"%2F", "%22", "%C3%A9", "<script>", `\"`, `\\`, "+", ",", ":",
	}
	var name strings.Builder
	for range 1 + g.IntN(4) {
		name.WriteString(g.pick(pieces...))
	}
	name.WriteString(g.pick("file", "photo", "été", "x"))
	for range g.IntN(3) {
		name.WriteString(g.pick(pieces...))
	}
	whole := name.String() + g.pick(".txt", ".jpg", ".tar.gz", "", ".pdf", ".a.b")
	if strings.Contains(whole, "&#x110000;") {
		g.trait("huge character")
	}
	plain := html.UnescapeString(whole)
	if last := plain[strings.LastIndexAny(plain, `/\`)+1:]; !strings.ContainsFunc(last, inName) {
		g.trait("no name before 2.2")
	}
	return whole
}

// inName says whether storages keep a character, other than a dot.
func inName(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) || c == '_' || c == '-' }
