package naming

import (
	"strconv"
	"strings"
	"time"
)

// number is a directive that gives a number.
type number struct {
	digits int  // at least
	spaces bool // it is filled up with spaces
	value  func(time.Time) int
}

var numbers = map[byte]number{
	'C': {2, false, func(t time.Time) int { return t.Year() / 100 }},
	'd': {2, false, time.Time.Day},
	'e': {2, true, time.Time.Day},
	'g': {2, false, func(t time.Time) int { year, _ := t.ISOWeek(); return year % 100 }},
	'G': {1, false, func(t time.Time) int { year, _ := t.ISOWeek(); return year }},
	'H': {2, false, time.Time.Hour},
	'I': {2, false, hour12},
	'j': {3, false, time.Time.YearDay},
	'k': {2, true, time.Time.Hour},
	'l': {2, true, hour12},
	'M': {2, false, time.Time.Minute},
	'm': {2, false, func(t time.Time) int { return int(t.Month()) }},
	'S': {2, false, time.Time.Second},
	's': {1, false, func(t time.Time) int { return int(t.Unix()) }},
	'u': {1, false, func(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }},
	'U': {2, false, func(t time.Time) int { return (t.YearDay() + 6 - int(t.Weekday())) / 7 }},
	'V': {2, false, func(t time.Time) int { _, week := t.ISOWeek(); return week }},
	'w': {1, false, func(t time.Time) int { return int(t.Weekday()) }},
	'W': {2, false, func(t time.Time) int { return (t.YearDay() + 6 - (int(t.Weekday())+6)%7) / 7 }},
	'y': {2, false, func(t time.Time) int { return t.Year() % 100 }},
	'Y': {1, false, time.Time.Year},
}

// texts are the directives that # makes upper case of.
var texts = map[byte]func(time.Time) string{
	'%': func(time.Time) string { return "%" },
	'n': func(time.Time) string { return "\n" },
	't': func(time.Time) string { return "\t" },
	'a': func(t time.Time) string { return t.Weekday().String()[:3] },
	'A': func(t time.Time) string { return t.Weekday().String() },
	'b': func(t time.Time) string { return t.Month().String()[:3] },
	'h': func(t time.Time) string { return t.Month().String()[:3] },
	'B': func(t time.Time) string { return t.Month().String() },
}

// compounds are the directives that stand for others.
var compounds = map[byte]string{
	'c': "%a %b %e %H:%M:%S %Y",
	'D': "%m/%d/%y",
	'F': "%Y-%m-%d",
	'R': "%H:%M",
	'r': "%I:%M:%S %p",
	'T': "%H:%M:%S",
	'X': "%H:%M:%S",
	'x': "%m/%d/%y",
}

// takesModifier tells whether there is such a directive. In the C locale the modifiers change nothing.
func (d directive) takesModifier() bool {
	refused := ""
	switch {
	case strings.IndexByte("%aADF", d.letter) >= 0:
		refused = "EO"
	case strings.IndexByte("bhBdeHIkljMmSUVgGWw", d.letter) >= 0:
		refused = "E"
	case strings.IndexByte("cxXY", d.letter) >= 0:
		refused = "O"
	}
	return strings.IndexByte(refused, d.modifier) < 0
}

func hour12(t time.Time) int { return (t.Hour()+11)%12 + 1 }

func amOrPM(t time.Time) string {
	if t.Hour() < 12 {
		return "AM"
	}
	return "PM"
}

// writeNumber is do_number and what comes before and after it.
func (d directive) writeNumber(b *strings.Builder, n number, t time.Time) {
	text := strconv.Itoa(n.value(t))
	digits := n.digits
	if d.letter != 's' {
		digits = max(digits, d.width)
	}
	if n.spaces && d.pad == 0 {
		d.pad = '_'
	}
	fill := max(0, digits-len(text))
	switch d.pad {
	case '-':
	case '_':
		b.WriteString(strings.Repeat(" ", fill))
		d.width -= fill
	default:
		text = strings.Repeat("0", fill) + text
	}
	d.writeText(b, text)
}
