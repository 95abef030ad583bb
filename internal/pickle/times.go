package pickle

import (
	"strconv"
	"time"
)

// stateOf returns the bytes that Python's dates and times are made of. Python 2 had them in a str, which Python 3
// takes for Latin-1.
func (l *loader) stateOf(r ref, length int) (state ref, bytes string, ok bool) {
	switch l.kind(r) {
	case Bytes:
		bytes = l.text(l.node(r))
		return r, bytes, len(bytes) == length
	case Str:
		text := l.text(l.node(r))
		if len(text) > 2*length {
			return 0, "", false
		}
		if bytes, ok = latin1(text); !ok || len(bytes) != length {
			return 0, "", false
		}
		return l.addText(Bytes, inTexts, bytes), bytes, true
	case Missing, None, Bool, Int, Float, ByteArray, List, Tuple, Set, FrozenSet, Dict, OrderedDict, DateTime, Date,
		Time,
		TimeDelta, TimeZone, Decimal, UUID, Lazy, Global, Opaque:
	}
	return 0, "", false
}

// zoneOf returns the time zone among the arguments, 0 for none.
func (l *loader) zoneOf(args []ref) (zone ref, ok bool) {
	if len(args) < 2 {
		return 0, true
	}
	k := l.kind(args[1])
	if k == None {
		return 0, true
	}
	return args[1], len(args) == 2 && (k == TimeZone || k == Opaque)
}

// callTimed: datetime(b"…10 bytes…") or time(b"…6 bytes…"), and perhaps a time zone. As in C
// (Modules/_datetimemodule.c, 3.13, datetime_new), only the month or the hour is looked at. Its highest bit says that
// this is the second of two equal local times.
func callTimed(kind Type, length int, sane func(state string) bool) func(*loader, []ref) (ref, bool) {
	return func(l *loader, args []ref) (ref, bool) {
		if len(args) == 0 {
			return 0, false
		}
		zone, ok := l.zoneOf(args)
		if !ok {
			return 0, false
		}
		state, b, ok := l.stateOf(args[0], length)
		if !ok || !sane(b) {
			return 0, false
		}
		return l.add(node{kind: kind, a: uint32(state), b: uint32(zone)}), true
	}
}

func saneMonth(month byte) bool { return 1 <= month && month <= 12 }

// callDate: date(b"…4 bytes…").
func callDate(l *loader, args []ref) (ref, bool) {
	if len(args) != 1 {
		return 0, false
	}
	state, b, ok := l.stateOf(args[0], 4)
	if !ok || !saneMonth(b[2]) {
		return 0, false
	}
	n := l.node(state)
	n.kind = Date
	return l.add(n), true
}

// callTimeDelta: timedelta(days, seconds, microseconds), in the form that every timedelta has.
func callTimeDelta(l *loader, args []ref) (ref, bool) {
	if len(args) != 3 {
		return 0, false
	}
	for i, bounds := range [3][2]int64{{-999999999, 999999999}, {0, 24*3600 - 1}, {0, 999999}} {
		if l.kind(args[i]) != Int {
			return 0, false
		}
		if n, ok := l.int64(args[i]); !ok || n < bounds[0] || n > bounds[1] {
			return 0, false
		}
	}
	return l.addPooled(TimeDelta, args), true
}

// callTimeZone: timezone(timedelta), and perhaps a name. The offset is less than a day.
func callTimeZone(l *loader, args []ref) (ref, bool) {
	if len(args) == 0 || len(args) > 2 || l.kind(args[0]) != TimeDelta || len(args) == 2 && l.kind(args[1]) != Str {
		return 0, false
	}
	days, micros := l.delta(args[0])
	if days < -1 || days > 0 || days == -1 && micros == 0 {
		return 0, false
	}
	n := node{kind: TimeZone, a: uint32(args[0])}
	if len(args) == 2 {
		n.b = uint32(args[1])
	}
	return l.add(n), true
}

// callUTC: pytz._UTC() and django.utils.timezone.UTC() are what timezone.utc is.
func callUTC(l *loader, args []ref) (ref, bool) {
	if len(args) > 0 {
		return 0, false
	}
	zero := smallInt
	return l.add(node{kind: TimeZone, a: uint32(l.addPooled(TimeDelta, []ref{zero, zero, zero}))}), true
}

// callZoneInfo: ZoneInfo._unpickle(key, from_cache). What offset another zone than UTC has, only a table knows.
func callZoneInfo(l *loader, args []ref) (ref, bool) {
	if len(args) != 2 || l.kind(args[0]) != Str || l.text(l.node(args[0])) != "UTC" {
		return 0, false
	}
	return callUTC(l, nil)
}

// delta returns a TimeDelta: the microseconds are less than a day's.
func (d *document) delta(r ref) (days, micros int64) {
	parts := d.pooled(d.node(r))
	days, _ = d.int64(parts[0])
	seconds, _ := d.int64(parts[1])
	micros, _ = d.int64(parts[2])
	return days, seconds*1e6 + micros
}

// offset is that of a TimeZone, in microseconds.
func (d *document) offset(zone ref) int64 {
	days, micros := d.delta(ref(d.node(zone).a))
	return days*24*3600e6 + micros
}

// clock are the fields of a date, a time, or both.
type clock struct {
	year, month, day, hour, minute, second, micro int
	fold                                          bool
}

func dateOf(s string) clock {
	return clock{year: int(s[0])<<8 | int(s[1]), month: int(s[2] & 0x7f), day: int(s[3]), fold: s[2] >= 0x80}
}

func (c clock) at(s string) clock {
	c.hour, c.minute, c.second = int(s[0]), int(s[1]), int(s[2])
	c.micro = int(s[3])<<16 | int(s[4])<<8 | int(s[5])
	return c
}

func (d *document) clock(n node) clock {
	switch n.kind {
	case Date:
		return dateOf(d.text(n))
	case DateTime:
		s := d.text(d.node(ref(n.a)))
		return dateOf(s).at(s[4:])
	case Time:
		c := clock{year: 1, month: 1, day: 1}.at(d.text(d.node(ref(n.a))))
		c.hour, c.fold = c.hour&0x7f, c.hour >= 0x80
		return c
	case Missing, None, Bool, Int, Float, Str, Bytes, ByteArray, List, Tuple, Set, FrozenSet, Dict, OrderedDict,
		TimeDelta,
		TimeZone, Decimal, UUID, Lazy, Global, Opaque:
	}
	return clock{}
}

// Time returns a DateTime. Where aware is false it has no time zone, or one that is not known, and t is its local time
// taken for UTC.
func (v Object) Time() (t time.Time, aware, ok bool) {
	if v.Type() != DateTime {
		return time.Time{}, false, false
	}
	n := v.d.node(v.r)
	c := v.d.clock(n)
	t = time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, c.micro*1000, time.UTC)
	if n.b != 0 && v.d.kind(ref(n.b)) == TimeZone {
		return t.Add(-time.Duration(v.d.offset(ref(n.b))) * time.Microsecond), true, true
	}
	return t, false, true
}

// timeKey: aware times are equal where their moments are; the fold is not compared.
func (l *loader) timeKey(r ref, n node) (dictKey, error) {
	switch n.kind {
	case TimeDelta:
		days, micros := l.delta(r)
		return dictKey{kind: timeDeltaKey, n: uint64(days), s: strconv.FormatInt(micros, 10)}, nil //nolint:gosec // one to one
	case TimeZone:
		return dictKey{kind: timeZoneKey, n: uint64(l.offset(r))}, nil //nolint:gosec // one to one
	case Date:
		return dictKey{kind: dateKey, s: l.text(n)}, nil
	case DateTime:
		return l.clockKey(r, n, naiveDateTimeKey, awareDateTimeKey)
	case Time:
		return l.clockKey(r, n, naiveTimeKey, awareTimeKey)
	case Missing, None, Bool, Int, Float, Str, Bytes, ByteArray, List, Tuple, Set, FrozenSet, Dict, OrderedDict,
		Decimal, UUID,
		Lazy, Global, Opaque:
	}
	return only(r), nil
}

// clockKey fails where Python does: the hash of a second time is that of the first, which is made by the usual way,
// with all fields looked at.
func (l *loader) clockKey(r ref, n node, naive, aware keyKind) (dictKey, error) {
	c := l.clock(n)
	if c.fold && !c.sane() {
		return dictKey{}, errUnhashable
	}
	t := time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, c.micro*1000, time.UTC).UnixMicro()
	switch {
	case n.b == 0:
		return dictKey{kind: naive, n: uint64(t)}, nil
	case l.kind(ref(n.b)) != TimeZone:
		return only(r), nil
	}
	return dictKey{kind: aware, n: uint64(t - l.offset(ref(n.b)))}, nil //nolint:gosec // one to one
}

// sane is true for fields that the constructors take.
func (c clock) sane() bool {
	date := time.Date(c.year, time.Month(c.month), c.day, 0, 0, 0, 0, time.UTC)
	return 1 <= c.year && c.year <= 9999 && date.Day() == c.day && c.hour <= 23 &&
		c.minute <= 59 && c.second <= 59 && c.micro <= 999999
}
