package djangosession

import (
	"strings"

	"django-sidecar/internal/pickle"
)

// pickledSession fails with errNotDict where v is no dict. An object of an unknown class is none: it may have ways of
// its own to find entries.
func pickledSession(v pickle.Value) (*Session, error) {
	if k := v.Kind(); k != pickle.Dict && k != pickle.OrderedDict {
		return nil, errNotDict
	}
	s := &Session{
		AuthUserID:  pickledValue(v.Lookup(keyAuthUserID)),
		AuthBackend: pickledValue(v.Lookup(keyAuthBackend)),
		AuthHash:    pickledValue(v.Lookup(keyAuthHash)),
		pickled:     v,
	}
	for _, name := range impersonationEntries {
		if v.Lookup(name).Kind() != pickle.Missing {
			s.impersonation |= impersonationEntry(name)
		}
	}
	return s, nil
}

// pickledKinds are the kinds for those of the pickle's that are not Opaque.
var pickledKinds = map[pickle.Kind]Kind{
	pickle.None: Null, pickle.Bool: Bool, pickle.Int: Int, pickle.Float: Float, pickle.Str: String, pickle.Bytes: Bytes,
	pickle.ByteArray: Bytes, pickle.List: Array, pickle.Tuple: Array, pickle.Dict: Object, pickle.OrderedDict: Object,
	pickle.DateTime: Time, pickle.Date: Time, pickle.Time: Time, pickle.TimeDelta: Time, pickle.TimeZone: Time,
	pickle.Decimal: Decimal, pickle.UUID: UUID,
}

// pickledValue has numbers, null and bools as JSON, so that they are read as those of any session.
func pickledValue(v pickle.Value) Value {
	if v.Kind() == pickle.Str { // as most entries are
		return Value{kind: String, pickled: v}
	}
	kind, known := pickledKinds[v.Kind()]
	switch {
	case v.Kind() == pickle.Missing:
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
