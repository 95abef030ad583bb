//go:build live

package naming_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// latin1 is bytes as the characters that JSON can carry.
func latin1(data string) string {
	var b strings.Builder
	for _, c := range []byte(data) {
		b.WriteRune(rune(c))
	}
	return b.String()
}

func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

func several(r *rand.Rand, list []string, most int) string {
	var b strings.Builder
	for range r.IntN(most + 1) {
		b.WriteString(pick(r, list))
	}
	return b.String()
}

// What names of files are made of: what some step of the way looks at, and what none does.
var namePieces = []string{
	"a", "b", "file", "Z9", "_", "-", ".", ".", "..", "...", ".txt", ".tar.gz", ".html", " ", "  ", "\t", "\u00a0", "\u3000", "\x1c", "\x85", "\u0085",
	"/", "/", "\\", "\\", "../", "..\\", "C:\\", "!", "#", "$%", "(1)", "'", "é", "e\u0301", "กำนัน", "漢字", "😀", "\u200d", "\u202e", "\ufeff",
	"\x00", "\x01", "\x7f", "\n", "\r", "²", "Ⅷ", "٣", "ß", "İ", "\ufffd", "\U000e0041", "\ue000", "\u2028",
	"&amp;", "&amp", "&#47;", "&#x2f;", "&#X2F", "&sol;", "&bsol;", "&period;&period;", "&lt;", "&notit;", "&nGt;", "&nLt;", "&lang;", "&rang",
	"&#0;", "&#13;", "&#128;", "&#x81;", "&#xD800;", "&#x110000;", "&#1;", "&#xfffe;", "&#;", "&#x;", "&", "&&", ";", "&#46;", "&#9999999999;",
	"&#x1_0;", "&#٤٦;", "&#x0x2e;", "&#1_2_3;", "&eacute;", "&Eacute", "&thetasym;", "&CounterClockwiseContourIntegral;", "&#65", "&#12.txt",
	strings.Repeat("x", 90), strings.Repeat("漢", 60), strings.Repeat("y", 200) + ".", "." + strings.Repeat("z", 150), "." + strings.Repeat("z", 260),
}

// randomName leans to names that a file could have.
func randomName(r *rand.Rand) string {
	switch r.IntN(5) {
	case 4: // about 255 characters
		return strings.Repeat(pick(r, []string{"x", "é"}), 240+r.IntN(20)) + pick(r, []string{"", ".txt", ".tar.gz"})
	case 0:
		return several(r, namePieces, 12)
	case 1:
		return pick(r, namePieces) + "report" + pick(r, namePieces) + ".pdf"
	case 2:
		return pick(r, []string{"photo", "v1.2.3 final", ".htaccess", "a.tar", "été 2026", "..a", "x"}) + several(r, namePieces, 3)
	}
	return several(r, namePieces, 4) + pick(r, []string{"", ".txt", ".tar.gz", ".", "..", ".a.b.c"})
}

var dispositionPieces = []string{
	"form-data", "; ", ";", ";", " ; ", "=", "=", `"`, `"`, `\"`, `\\`, `\`, "'", "''", "*", "*=", " ", "\t", "\n", "\u00a0", "\x85", "\x1c", "<", ">",
	`name="a"`, "name=b", `name=" c "`, "name", `name=""`, "name*=utf-8''%C3%A9", "NAME=d", "name*0=e",
	`filename="x.txt"`, "filename=y.txt", "filename=", `filename=""`, "filename", "Filename=", "FILENAME", "filename*=", `filename*="`, `filename="`,
	"filename*0=", "filename*1=", "filename*0*=", "filename*1*=", "filename*00=", "filename*10=", "filename*2*=", "filename*=''", "other*0=", "other*=",
	"UTF-8''", "utf8'en'", "iso-8859-1''", "latin1''", "US-ASCII'x'", "BOGUS''", "UTF 8''", `"UTF-8''`, "%C3%A9", "%e9", "%2F", "%2e", "%00", "%", "%z", "%22", "%E2%82",
	"é", "\xe9", "\xff", "\xe2\x82", "\xf0\x9f\x98", "\xed\xa0\x80", "€", "😀", "x", ".txt", "/", "a.b", "\\x", "&amp;", ",", ":",
}

// randomDisposition is the value of a Content-Disposition line, of less than the 1,024 bytes that Django reads.
func randomDisposition(r *rand.Rand) string {
	var value string
	switch r.IntN(6) {
	case 0:
		value = several(r, dispositionPieces, 15)
	case 1:
		value = ` form-data; name="file"; ` + several(r, dispositionPieces, 12)
	case 2:
		value = ` form-data; ` + several(r, dispositionPieces, 8) + `; name=f; filename*=UTF-8''` + several(r, dispositionPieces, 4)
	default:
		value = ` form-data; name="file"; filename="` + randomName(r) + `"`
	}
	if value = strings.ReplaceAll(value, "\r\n", "\n"); len(value) > 700 {
		value = value[:700]
	}
	return strings.TrimSuffix(value, "\r")
}

func randomContentType(r *rand.Rand) string {
	return pick(r, []string{
		" text/plain", " Text/HTML; charset=utf-8", "image/png", " image/png ; a=b", "", " ", ";", " \u00a0application/pdf\u00a0", " a=b", " a=b; c=d",
		" text/\xe9", " text/é", ` "a;b"; c`, " multipart/mixed; boundary=x", " =;=", " x;name*=BOGUS''y;a=b", "\t\x1ca\x1c\t",
	})
}

var zones = []string{"UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe"}

// randomTime is one that the wall clock of the place shows once: of two, Python's %s takes either.
func randomTime(r *rand.Rand, place *time.Location) time.Time {
	for {
		at := time.Unix(r.Int64N(3_000_000_000), r.Int64N(1_000_000)*1000).In(place)
		once := true
		for _, shift := range []time.Duration{-time.Hour, -30 * time.Minute, 30 * time.Minute, time.Hour} {
			_, here := at.Zone()
			_, there := at.Add(shift).Zone()
			once = once && here == there
		}
		if once {
			return at
		}
	}
}

// randomUploadTo is one that strftime has work with.
func randomUploadTo(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(4) {
		switch r.IntN(8) {
		case 0:
			b.WriteString(pick(r, []string{"uploads/", "/", "é", "漢", " ", ".", "..", "./", "a/../", "x", "\n", "%", "%%", "\\", "~", "%:z", "%é"}))
			continue
		case 1:
			b.WriteString(pick(r, []string{"uploads/%Y/%m/%d/", "%F", "%s", "%f", "%D", "%c"}))
			continue
		}
		b.WriteByte('%')
		for range r.IntN(3) * r.IntN(2) {
			b.WriteString(pick(r, []string{"_", "-", "0", "^", "#"}))
		}
		b.WriteString(pick(r, []string{"", "", "", "", "1", "3", "5", "05", "12", "0"}))
		b.WriteString(pick(r, []string{"", "", "", "", "E", "O"}))
		const letters = "aAbBcCdDeFfgGhHIjklmMnpPrRsStTuUVwWxXyYzZ%+NiLJKq"
		b.WriteByte(letters[r.IntN(len(letters))])
		b.WriteString(pick(r, []string{"", "/", "-"}))
	}
	return b.String()
}

// randomQuestions are uploads, most to places that many sites have.
func randomQuestions(t *testing.T, count int) []storeQuestion {
	t.Helper()
	r := random(t)
	list := make([]storeQuestion, count)
	for i := range list {
		q := storeQuestion{name: randomName(r), uploadTo: "uploads/%Y/%m/%d/", zone: zones[r.IntN(len(zones))], maxLength: 100}
		switch r.IntN(4) {
		case 0:
			q.uploadTo = pick(r, []string{"", ".", "up", "up/", "./up//x/", "été/%B", "a b/c", "x.y/z.w"})
		case 1:
			q.maxLength = 26 + r.IntN(300)
		}
		if r.IntN(2) == 0 {
			q.name = strings.NewReplacer("/", "", `\`, "").Replace(q.name) // what Clean would not have left
		}
		q.name = strings.ToValidUTF8(q.name, "\ufffd")
		q.taken = r.IntN(4) * r.IntN(2)
		q.at = randomTime(r, location(t, q.zone))
		list[i] = q
	}
	return list
}

// nothingLeft tells whether get_valid_filename leaves no name.
func nothingLeft(name string) bool {
	name = name[strings.LastIndexByte(name, '/')+1:]
	left := validFilename(name)
	return left == "" || left == "." || left == ".."
}
