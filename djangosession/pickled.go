package djangosession

import (
	"strings"

	"django-sidecar/internal/pickle"
)

// pickledSession makes a session of a pickled dict, and fails with errNotDict for anything else. An object of an
// unknown class counts as no dict, because its class may find entries in its own way.
func pickledSession(v pickle.Object) (*Session, error) {
	if k := v.Type(); k != pickle.Dict && k != pickle.OrderedDict {
		return nil, errNotDict
	}
	s := &Session{
		AuthUserID:  pickledValue(v.Lookup(keyAuthUserID)),
		AuthBackend: pickledValue(v.Lookup(keyAuthBackend)),
		AuthHash:    pickledValue(v.Lookup(keyAuthHash)),
		pickled:     v,
	}
	for _, name := range impersonationEntries {
		if v.Lookup(name).Type() != pickle.Missing {
			s.impersonation |= impersonationEntry(name)
		}
	}
	return s, nil
}

// pickledKinds maps the kinds of package pickle to those of this one. All others are Opaque.
var pickledKinds = map[pickle.Type]Kind{
	pickle.None: Null, pickle.Bool: Bool, pickle.Int: Int, pickle.Float: Float, pickle.Str: String, pickle.Bytes: Bytes,
	pickle.ByteArray: Bytes, pickle.List: Array, pickle.Tuple: Array, pickle.Dict: Object, pickle.OrderedDict: Object,
	pickle.DateTime: Time, pickle.Date: Time, pickle.Time: Time, pickle.TimeDelta: Time, pickle.TimeZone: Time,
	pickle.Decimal: Decimal, pickle.UUID: UUID,
}

// pickledValue has numbers, null and bools as JSON, so that they are read as those of any session.
func pickledValue(v pickle.Object) Value {
	if v.Type() == pickle.Str { // as most entries are
		return Value{kind: String, pickled: v}
	}
	kind, known := pickledKinds[v.Type()]
	switch {
	case v.Type() == pickle.Missing:
		return Value{}
	case !known:
		return Value{kind: Opaque, pickled: v}
	case kind <= Float:
		raw := string(v.AppendJSON(nil))
		if !strings.HasPrefix(raw, "{") { // as integers beyond all bounds do
			return Value{kind: kind, raw: raw}
		}
	}
	return Value{kind: kind, pickled: v}
}
