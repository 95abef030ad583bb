package config

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reader turns what the environment says into values, and collects what is wrong on the way: each of its methods yields
// the zero value after a fault, and goes on.
type reader struct {
	values   []settingValue
	faults   []Fault
	warnings []string
	hints    []string
	files    []readFile
	// forgiving: names that nothing reads are no fault.
	forgiving bool
	// environ is the environment; nil is the process's.
	environ []string
}

func (r *reader) knows(name string) bool {
	return slices.ContainsFunc(r.values, func(v settingValue) bool { return v.Name == name })
}

// value is the setting of that name.
func (r *reader) value(name string) settingValue {
	i := slices.IndexFunc(r.values, func(v settingValue) bool { return v.Name == name })
	if i < 0 {
		panic("config: no setting " + name) // a slip in this package, which any test meets
	}
	return r.values[i]
}

// stand puts a text in the place of a setting that a command does not need.
func (r *reader) stand(name, text string) {
	for i, v := range r.values {
		if v.Name == name {
			r.values[i].text, r.values[i].given = text, true
		}
	}
}

// text is what the setting says, or its default.
func (r *reader) text(name string) string { return r.value(name).text }

// fault reports a problem of a setting under the variable that it came from.
func (r *reader) fault(name, problem string) {
	v := r.value(name)
	shown := name + "=" + v.shown()
	if v.secret && v.Example == "" {
		file := r.value(name + "_FILE")
		shown = file.Name + "=" + file.shown()
	}
	r.faults = append(r.faults, Fault{Name: v.variable, Problem: problem, Example: shown})
}

// shown is the value that a fault gives as an example.
func (s Setting) shown() string {
	if s.Example != "" {
		return s.Example
	}
	return s.Default
}

// refuse reports that the value is not what it must be, and quotes it unless it is secret.
func (r *reader) refuse(name, mustBe string) {
	v := r.value(name)
	if v.secret {
		r.fault(name, "is not valid: it must be "+mustBe)
		return
	}
	r.fault(name, "is "+quote(v.text, quotedValue)+": it must be "+mustBe)
}

func (r *reader) warn(format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
}

func (r *reader) hint(format string, args ...any) {
	r.hints = append(r.hints, fmt.Sprintf(format, args...))
}

// oneOf is one of a few words, in exactly this spelling.
func (r *reader) oneOf(name string, words ...string) string {
	text := r.text(name)
	if !slices.Contains(words, text) {
		r.refuse(name, strings.Join(words[:len(words)-1], ", ")+" or "+words[len(words)-1])
		return ""
	}
	return text
}

// flag is a boolean in any of the spellings that people use in environments.
func (r *reader) flag(name string) bool {
	switch strings.ToLower(r.text(name)) {
	case "true", "1", "yes", "on":
		return true
	case "false", "0", "no", "off":
		return false
	}
	r.refuse(name, "true or false")
	return false
}

// number is a whole number in decimal.
func (r *reader) number(name string, least, most int64) int64 {
	n, err := strconv.ParseInt(r.text(name), 10, 64)
	if err != nil || n < least || n > most {
		r.refuse(name, fmt.Sprintf("a whole number from %d to %d", least, most))
		return 0
	}
	return n
}

// share is a part of the whole, and false after a fault.
func (r *reader) share(name, example string) (float64, bool) {
	part, err := strconv.ParseFloat(r.text(name), 64)
	if err != nil || math.IsNaN(part) || part < 0 || part > 1 {
		r.refuse(name, "a number from 0 to 1, such as "+example)
		return 0, false
	}
	return part, true
}

// seconds is a duration as Django's settings have it: a whole number of seconds.
func (r *reader) seconds(name string) time.Duration {
	const most = int64(math.MaxInt64 / time.Second)
	n, err := strconv.ParseInt(r.text(name), 10, 64)
	if err != nil || n < 0 || n > most {
		r.refuse(name, "a whole number of seconds")
		return 0
	}
	return time.Duration(n) * time.Second
}

// duration is a positive duration as Go writes it.
func (r *reader) duration(name string) time.Duration {
	d, err := time.ParseDuration(r.text(name))
	if err != nil || d <= 0 {
		r.refuse(name, "a duration above 0 with its unit, such as 500ms or 2s")
		return 0
	}
	return d
}

// durationOrOff is a positive duration, or 0 for "off".
func (r *reader) durationOrOff(name string) time.Duration {
	switch text := strings.ToLower(r.text(name)); text {
	case "0", "0s", "off":
		return 0
	default:
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			r.refuse(name, "0, or a duration with its unit, such as 500ms or 5s")
			return 0
		}
		return d
	}
}

// maxSize bounds every size: nothing that one request reads is allowed to be larger.
const maxSize = 1 << 30

// sizeUnits are what may follow a number of bytes, the longer before those that they end in.
var sizeUnits = []struct {
	suffix string
	bytes  int64
}{
	{"kib", 1 << 10},
	{"mib", 1 << 20},
	{"gib", 1 << 30},
	{"kb", 1e3},
	{"mb", 1e6},
	{"gb", 1e9},
	{"b", 1},
	{"", 1},
}

// size is a positive number of bytes, plain or with a unit.
func (r *reader) size(name string) int64 { return r.sizeUpTo(name, maxSize, "1GiB") }

func (r *reader) sizeUpTo(name string, most int64, mostText string) int64 {
	text := strings.ToLower(r.text(name))
	for _, unit := range sizeUnits {
		digits, found := strings.CutSuffix(text, unit.suffix)
		if !found {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 1 || n > most/unit.bytes {
			break
		}
		return n * unit.bytes
	}
	r.refuse(name, "a size above 0 and up to "+mostText+", such as 1048576, 512KiB or 1MiB")
	return 0
}

// list is a JSON array of strings, or items between commas.
func (r *reader) list(name string) []string {
	items, problem := parseList(r.text(name), ",")
	if problem != "" {
		r.fault(name, problem)
		return nil
	}
	return items
}

// prefixes is a list of networks in CIDR form; a bare address is a network of one.
func (r *reader) prefixes(name string) []netip.Prefix {
	if strings.EqualFold(r.text(name), "none") {
		return nil
	}
	var prefixes []netip.Prefix
	for _, item := range r.list(name) {
		prefix, err := parsePrefix(item)
		if err != nil {
			r.fault(name, "has the item "+quote(item, quotedValue)+", which is neither an IP address nor a network "+
				"in CIDR form")
			continue
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes
}

func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		prefix, err := netip.ParsePrefix(text)
		if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
		}
		return prefix.Masked(), err
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("not an address without a zone: %w", err)
	}
	addr = addr.Unmap() // a peer's address is compared unmapped
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}
