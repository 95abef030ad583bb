package pickle

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Str is Python's str() of a date or time, a Decimal, or a UUID. ok is false for all other kinds, and for times in a
// zone that is not known.
func (v Object) Str() (text string, ok bool) {
	switch v.Type() {
	case DateTime, Time, Date:
		return v.isoFormat(" ")
	case TimeDelta:
		return strDelta(v.d.delta(v.r)), true
	case TimeZone:
		return v.zoneName(), true
	case Decimal:
		return v.Text(), true
	case UUID:
		h := fmt.Sprintf("%032x", v.BigInt())
		return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], true
	case Missing, None, Bool, Int, Float, Str, Bytes, ByteArray, List, Tuple, Set, FrozenSet, Dict, OrderedDict, Lazy,
		Global,
		Opaque:
	}
	return "", false
}

// isoFormat is isoformat(sep) of Modules/_datetimemodule.c, 3.13. ok is false where the offset is not known and left
// out.
func (v Object) isoFormat(sep string) (text string, ok bool) {
	n := v.d.node(v.r)
	c := v.d.clock(n)
	date := fmt.Sprintf("%04d-%02d-%02d", c.year, c.month, c.day)
	if n.kind == Date {
		return date, true
	}
	text = fmt.Sprintf("%02d:%02d:%02d", c.hour, c.minute, c.second)
	if n.kind == DateTime {
		text = date + sep + text
	}
	if c.micro > 0 {
		text += fmt.Sprintf(".%06d", c.micro)
	}
	switch {
	case n.b == 0:
		return text, true
	case v.d.kind(ref(n.b)) != TimeZone:
		return text, false
	}
	return text + strOffset(v.d.offset(ref(n.b))), true
}

// strOffset is format_utcoffset of the same file: +HH:MM, and seconds and their parts where there are any.
func strOffset(micros int64) string {
	sign := "+"
	if micros < 0 {
		sign, micros = "-", -micros
	}
	seconds := micros / 1e6
	text := fmt.Sprintf("%s%02d:%02d", sign, seconds/3600, seconds/60%60)
	if micros%60e6 != 0 {
		text += fmt.Sprintf(":%02d", seconds%60)
	}
	if micros%1e6 != 0 {
		text += fmt.Sprintf(".%06d", micros%1e6)
	}
	return text
}

func (v Object) zoneName() string {
	n := v.d.node(v.r)
	if n.b != 0 {
		return Object{v.d, ref(n.b)}.Text()
	}
	if offset := v.d.offset(v.r); offset != 0 {
		return "UTC" + strOffset(offset)
	}
	return "UTC"
}

// strDelta is delta_str of the same file.
func strDelta(days, micros int64) string {
	seconds := micros / 1e6
	text := fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	if micros%1e6 != 0 {
		text += fmt.Sprintf(".%06d", micros%1e6)
	}
	switch days {
	case 0:
		return text
	case 1, -1:
		return fmt.Sprintf("%d day, %s", days, text)
	}
	return fmt.Sprintf("%d days, %s", days, text)
}

// decimal is a decimal.Decimal: sign, digits and exponent, or sign and special, which is Infinity, or NaN or sNaN with
// digits behind.
type decimal struct {
	sign, digits string
	exponent     int64
	special      string
}

// parseDecimal reads what Decimal(text) does, but for the underscores, spaces and digits of all scripts that str()
// never writes.
func parseDecimal(text string) (d decimal, ok bool) {
	if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "+") {
		d.sign, text = strings.TrimPrefix(text[:1], "+"), text[1:]
	}
	if text != "" && text[0] > '9' {
		return d.parseSpecial(text)
	}
	number := text
	if e := strings.IndexAny(text, "eE"); e >= 0 {
		exponent := text[e+1:]
		number = text[:e]
		digits := strings.TrimPrefix(strings.TrimPrefix(exponent, "-"), "+")
		n, err := strconv.ParseInt(exponent, 10, 64)
		if err != nil || !onlyDigits(digits) || len(digits) > 17 { // decimal.MAX_EMAX has 18
			return d, false
		}
		d.exponent = n
	}
	whole, fraction, _ := strings.Cut(number, ".")
	d.digits = strings.TrimLeft(whole+fraction, "0")
	d.exponent -= int64(len(fraction))
	if d.digits == "" {
		d.digits = "0"
	}
	return d, whole+fraction != "" && onlyDigits(whole+fraction)
}

func (d decimal) parseSpecial(text string) (decimal, bool) {
	lower := strings.ToLower(text)
	if lower == "inf" || lower == "infinity" {
		d.special = "Infinity"
		return d, true
	}
	for _, nan := range []string{"NaN", "sNaN"} {
		if payload, found := strings.CutPrefix(lower, strings.ToLower(nan)); found {
			d.special = nan + strings.TrimLeft(payload, "0")
			return d, onlyDigits(payload)
		}
	}
	return d, false
}

func onlyDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// String is Decimal.__str__ of Lib/_pydecimal.py, 3.13.
func (d decimal) String() string {
	if d.special != "" {
		return d.sign + d.special
	}
	digits := int64(len(d.digits))
	left := d.exponent + digits // digits before the point
	point := int64(1)
	if d.exponent <= 0 && left > -6 {
		point = left
	}
	var text string
	switch {
	case point <= 0:
		text = "0." + strings.Repeat("0", int(-point)) + d.digits
	case point >= digits:
		text = d.digits + strings.Repeat("0", int(point-digits))
	default:
		text = d.digits[:point] + "." + d.digits[point:]
	}
	if left != point {
		text += fmt.Sprintf("E%+d", left-point)
	}
	return d.sign + text
}

// Truncated is int() of a Decimal, and false where that raises. Numbers of more than 100 digits come as 10^100.
func (v Object) Truncated() (n *big.Int, ok bool) {
	if v.Type() != Decimal {
		return nil, false
	}
	d, ok := parseDecimal(v.Text())
	if !ok || d.special != "" {
		return nil, false
	}
	whole := int64(len(d.digits)) + d.exponent // digits before the point
	switch {
	case whole <= 0 || d.digits == "0":
		return new(big.Int), true
	case whole > 100:
		return new(big.Int).Exp(big.NewInt(10), big.NewInt(100), nil), true
	case d.exponent > 0:
		d.digits += strings.Repeat("0", int(d.exponent))
	}
	return new(big.Int).SetString(d.sign+d.digits[:whole], 10)
}
