package naming

import (
	"strings"
	"time"
)

// strftime is datetime.now().strftime(format) of CPython on glibc, in the C locale: Django sets no other.
func strftime(format string, t time.Time) string {
	return glibcStrftime(pythonDirectives(format, t), t)
}

// pythonDirectives fills in what Python does not leave to the C library (Modules/_datetimemodule.c, wrap_strftime):
// %f, and %z and %Z, which are empty, since what now() gives has no time zone. It takes percent signs in pairs with
// whatever is behind them, and knows nothing of flags.
func pythonDirectives(format string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		switch format[i] {
		case 'f':
			b.WriteString(t.Format(".000000")[1:])
		case 'z', 'Z':
		default:
			b.WriteString(format[i-1 : i+1])
		}
	}
	return b.String()
}

// glibcStrftime is time/strftime_l.c of glibc 2.36. musl knows fewer flags.
func glibcStrftime(format string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(format); {
		if format[i] != '%' {
			b.WriteByte(format[i])
			i++
			continue
		}
		d := parseDirective(format[i:])
		d.write(&b, t)
		i += len(d.source)
	}
	return b.String()
}

// directive is one conversion specification.
type directive struct {
	source   string // all of it, with the percent sign
	pad      byte   // '_', '-', '0', or 0
	upper    bool   // ^
	swap     bool   // #
	width    int    // -1: none
	modifier byte   // 'E', 'O', or 0
	letter   byte   // 0 at the end of the format
}

// maxWidth bounds what a width may ask for. No directory has so long a name; New refuses what comes of it.
const maxWidth = 1024

// parseDirective reads the directive that a text begins with.
func parseDirective(text string) directive {
	d := directive{width: -1}
	i := 1
flags:
	for ; i < len(text); i++ {
		switch text[i] {
		case '_', '-', '0':
			d.pad = text[i]
		case '^':
			d.upper = true
		case '#':
			d.swap = true
		default:
			break flags
		}
	}
	for ; i < len(text) && '0' <= text[i] && text[i] <= '9'; i++ {
		d.width = min(max(d.width, 0)*10+int(text[i]-'0'), maxWidth)
	}
	if i < len(text) && (text[i] == 'E' || text[i] == 'O') {
		d.modifier = text[i]
		i++
	}
	if i < len(text) {
		d.letter = text[i]
		i++
	}
	d.source = text[:i]
	return d
}

// write writes what a directive stands for. A directive that does not exist stands for itself.
func (d directive) write(b *strings.Builder, t time.Time) {
	number, isNumber := numbers[d.letter]
	text, isText := texts[d.letter]
	compound, isCompound := compounds[d.letter]
	if strings.IndexByte("bhB", d.letter) >= 0 {
		d.upper = d.upper || d.swap // before the modifier is looked at
	}
	switch {
	case !d.takesModifier() && d.letter == '%':
		d.writeText(b, "%") // found by looking back for a percent sign
	case !d.takesModifier():
		d.writeText(b, d.source)
	case isNumber:
		d.writeNumber(b, number, t)
	case isCompound:
		d.writeText(b, glibcStrftime(compound, t))
	case isText:
		d.upper = d.upper || d.swap
		d.writeText(b, text(t))
	case d.letter == 'P' || d.letter == 'p' && d.swap:
		d.upper = false
		d.writeText(b, strings.ToLower(amOrPM(t)))
	case d.letter == 'p':
		d.writeText(b, amOrPM(t))
	case d.letter == 'Z':
		d.writeText(b, "")
	case d.letter == 'z':
	default:
		d.writeText(b, d.source)
	}
}

// writeText is the macro cpy, which pads with spaces unless it is told to take zeros.
func (d directive) writeText(b *strings.Builder, text string) {
	pad := " "
	if d.pad == '0' {
		pad = "0"
	}
	if d.upper {
		text = upper(text)
	}
	b.WriteString(strings.Repeat(pad, max(0, d.width-len(text))))
	b.WriteString(text)
}

// upper is toupper of each byte.
func upper(text string) string {
	b := []byte(text)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}
