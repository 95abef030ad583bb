package naming

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"django-sidecar/internal/pytext"
	"django-sidecar/internal/urlquote"
)

// html4Entity is _entity_re of django/utils/text.py, 2.1.
var html4Entity = regexp.MustCompile(`&(#?[xX]?(?:[0-9a-fA-F]+|[\pL\pN_]{1,8}));`)

// html4Names are html.entities.name2codepoint, sorted.
var html4Names = strings.Fields(`
	AElig Aacute Acirc Agrave Alpha Aring Atilde Auml Beta Ccedil Chi Dagger Delta ETH Eacute Ecirc Egrave Epsilon Eta
	Euml Gamma Iacute Icirc Igrave Iota Iuml Kappa Lambda Mu Ntilde Nu OElig Oacute Ocirc Ograve Omega Omicron Oslash
	Otilde Ouml Phi Pi Prime Psi Rho Scaron Sigma THORN Tau Theta Uacute Ucirc Ugrave Upsilon Uuml Xi Yacute Yuml Zeta
	aacute acirc acute aelig agrave alefsym alpha amp and ang aring asymp atilde auml bdquo beta brvbar bull cap
	ccedil cedil cent chi circ clubs cong copy crarr cup curren dArr dagger darr deg delta diams divide eacute ecirc
	egrave empty emsp ensp epsilon equiv eta eth euml euro exist fnof forall frac12 frac14 frac34 frasl gamma ge gt
	hArr harr hearts hellip iacute icirc iexcl igrave image infin int iota iquest isin iuml kappa lArr lambda lang
	laquo larr lceil ldquo le lfloor lowast loz lrm lsaquo lsquo lt macr mdash micro middot minus mu nabla nbsp ndash
	ne ni not notin nsub ntilde nu oacute ocirc oelig ograve oline omega omicron oplus or ordf ordm oslash otilde
	otimes ouml para part permil perp phi pi piv plusmn pound prime prod prop psi quot rArr radic rang raquo rarr
	rceil rdquo real reg rfloor rho rlm rsaquo rsquo sbquo scaron sdot sect shy sigma sigmaf sim spades sub sube sum
	sup sup1 sup2 sup3 supe szlig tau there4 theta thetasym thinsp thorn tilde times trade uArr uacute
	uarr ucirc ugrave uml upsih upsilon uuml weierp xi yacute yen yuml zeta zwj zwnj`)

// unescapeHTML4 is unescape_entities of django/utils/text.py, 1.11 to 2.1. ok is false where chr() overflows, which
// Django answers with 500. A surrogate, which Python's text may hold, is U+FFFD.
func unescapeHTML4(text string) (unescaped string, ok bool) {
	ok = true
	unescaped = html4Entity.ReplaceAllStringFunc(text, func(entity string) string {
		name := entity[1 : len(entity)-1]
		digits, numeric := strings.CutPrefix(name, "#")
		if !numeric {
			return html4Named(name, entity)
		}
		base := 10
		if digits[0]|0x20 == 'x' {
			digits, base = digits[1:], 16
		}
		number, isNumber := pythonInt(digits, base)
		switch {
		case !isNumber:
			return entity
		case number > 1<<31-1:
			ok = false
			return ""
		case number > utf8.MaxRune:
			return entity // ValueError
		}
		return string(rune(number & 0x1fffff)) // all of it, which is U+FFFD for a surrogate
	})
	return unescaped, ok
}

func html4Named(name, entity string) string {
	switch _, known := slices.BinarySearch(html4Names, name); {
	case !known:
		return entity
	case name == "lang": // HTML 5 has given these two other characters
		return "\u2329"
	case name == "rang":
		return "\u232a"
	}
	return html.UnescapeString(entity)
}

// pythonInt is int(text, base) of letters, digits and underscores, with a bound that no character reaches.
func pythonInt(text string, base int) (number int, ok bool) {
	if base == 16 && len(text) > 1 && text[0] == '0' && text[1]|0x20 == 'x' {
		text = strings.TrimPrefix(text[2:], "_")
	}
	between := false // an underscore may follow
	for _, r := range text {
		digit := digitOf(r)
		switch {
		case r == '_' && between:
			between = false
			continue
		case digit >= base:
			return 0, false
		}
		number, between = min(number*base+digit, 1<<40), true
	}
	return number, between
}

// digitOf is the value of a decimal digit of any script, or of a hexadecimal one; 99 for anything else.
func digitOf(r rune) int {
	if value, ok := pytext.Digit(r); ok {
		return value
	}
	if r < utf8.RuneSelf {
		if d := urlquote.HexDigit(byte(r & 0x7f)); d < 16 {
			return int(d)
		}
	}
	return 99
}
