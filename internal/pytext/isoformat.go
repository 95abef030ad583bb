package pytext

import (
	"strings"
	"time"
	"unicode/utf8"
)

// FromISOFormat is Python's datetime.fromisoformat, as of Python 3.11 (Modules/_datetimemodule.c), in microseconds
// since 1970. aware says that the text has an offset from UTC; without one, it is a local time. Django writes what
// isoformat() returns; older Pythons read nothing else.
func FromISOFormat(text string) (micros int64, aware, ok bool) {
	if len(text) < 7 {
		return 0, false, false
	}
	at := isoSeparator(text)
	if at > len(text) {
		return 0, false, false
	}
	year, month, day, ok := isoDate(text[:at])
	if !ok {
		return 0, false, false
	}
	var clock isoClock
	offset := int64(0)
	if at < len(text) {
		_, width := utf8.DecodeRuneInString(text[at:]) // the separator is any character
		if clock, offset, aware, ok = isoTime(text[at+width:]); !ok {
			return 0, false, false
		}
	}
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if year < 1 || date.Month() != time.Month(month) || date.Day() != day || !clock.valid() {
		return 0, false, false
	}
	return date.UnixMicro() + clock.micros() - offset, aware, true
}

// isoSeparator is _find_isoformat_datetime_separator: where the date ends.
func isoSeparator(text string) int {
	if len(text) == 7 {
		return 7
	}
	switch {
	case text[4] == '-' && text[5] != 'W': // YYYY-MM-DD
		return 10
	case text[4] == '-':
		if len(text) > 8 && text[8] == '-' {
			if len(text) == 9 || len(text) > 10 && isDigit(text[10]) { // the latter could be either; as in Python, YYYY-Www
				return 8
			}
			return 10 // YYYY-Www-D
		}
		return 8
	case text[4] == 'W': // YYYYWww or YYYYWwwD
		i := 7
		for i < len(text) && isDigit(text[i]) {
			i++
		}
		switch {
		case i < 9:
			return i
		case i%2 == 0:
			return 7
		}
	}
	return 8 // YYYYMMDD
}

// isoDate is parse_isoformat_date: YYYY-MM-DD, YYYYMMDD, YYYY-Www, YYYYWww, YYYY-Www-D or YYYYWwwD.
func isoDate(text string) (year, month, day int, ok bool) {
	p := isoText{text, true}
	year = p.digits(4)
	dashed := p.next('-')
	if !p.next('W') {
		month = p.digits(2)
		p.ok = p.ok && p.next('-') == dashed
		day = p.digits(2)
		return year, month, day, p.ok && p.text == ""
	}
	week, weekday := p.digits(2), 1
	if p.text != "" {
		p.ok = p.ok && p.next('-') == dashed
		weekday = p.digits(1)
	}
	if !p.ok || p.text != "" || year < 1 || week < 1 || weekday < 1 || weekday > 7 {
		return 0, 0, 0, false
	}
	// The 4th of January is in week 1, whose first day is a Monday.
	fourth := time.Date(year, 1, 4, 0, 0, 0, 0, time.UTC)
	monday := fourth.AddDate(0, 0, -(int(fourth.Weekday())+6)%7+7*(week-1))
	if of, _ := monday.ISOWeek(); of != year { // only some years have a week 53
		return 0, 0, 0, false
	}
	date := monday.AddDate(0, 0, weekday-1)
	return date.Year(), int(date.Month()), date.Day(), date.Year() <= 9999
}

// isoTime is parse_isoformat_time: a clock, and perhaps Z or an offset from UTC, which is returned in microseconds.
func isoTime(text string) (clock isoClock, offset int64, aware, ok bool) {
	i := strings.IndexAny(text, "+-Z")
	if i < 0 {
		clock, ok = isoHours(text)
		return clock, 0, false, ok
	}
	if clock, ok = isoHours(text[:i]); !ok || text[i] == 'Z' {
		return clock, 0, true, ok && i == len(text)-1
	}
	zone, ok := isoHours(text[i+1:])
	if offset = zone.micros(); offset < time.Second.Microseconds() {
		offset = 0 // tzinfo_from_isoformat_results makes UTC of it
	}
	if text[i] == '-' {
		offset = -offset
	}
	return clock, offset, true, ok && zone.micros() < 24*time.Hour.Microseconds()
}

// isoClock is a time of day or an offset.
type isoClock struct{ hour, minute, second, fraction int }

func (c isoClock) valid() bool { return c.hour < 24 && c.minute < 60 && c.second < 60 }

func (c isoClock) micros() int64 {
	return int64((c.hour*60+c.minute)*60+c.second)*1e6 + int64(c.fraction)
}

// isoHours is parse_hh_mm_ss_ff: HH[:MM[:SS[.ffffff]]] or HH[MM[SS[.ffffff]]], with any number of digits in the
// fraction.
func isoHours(text string) (c isoClock, ok bool) {
	p := isoText{text, true}
	c.hour = p.digits(2)
	colons := strings.HasPrefix(p.text, ":")
	for _, part := range []*int{&c.minute, &c.second} {
		if p.text == "" {
			return c, p.ok
		}
		p.ok = p.ok && p.next(':') == colons
		*part = p.digits(2)
	}
	if p.text == "" {
		return c, p.ok
	}
	p.ok = p.ok && (p.next('.') || p.next(','))
	for scale := 100_000; p.text != "" && p.ok; scale /= 10 {
		c.fraction += scale * p.digits(1) // past the sixth digit, scale is 0
	}
	return c, p.ok && isDigit(text[len(text)-1])
}

// isoText is what is left of a text; ok turns false for good when it is not what it should be.
type isoText struct {
	text string
	ok   bool
}

// digits reads n digits, ASCII ones only.
func (p *isoText) digits(n int) int {
	if len(p.text) < n {
		p.ok = false
		return 0
	}
	number := 0
	for i := range n {
		if !isDigit(p.text[i]) {
			p.ok = false
			return 0
		}
		number = 10*number + int(p.text[i]-'0')
	}
	p.text = p.text[n:]
	return number
}

func (p *isoText) next(c byte) bool {
	if p.text != "" && p.text[0] == c {
		p.text = p.text[1:]
		return true
	}
	return false
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
