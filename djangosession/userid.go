package djangosession

import (
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"django-sidecar/internal/pickle"
)

// KeyType says which kind of field is the primary key of the user model, because the id in a session goes through
// the field's to_python: contrib/auth/__init__.py, 5.2, _get_user_session_key.
type KeyType uint8

// The kinds of primary keys. The zero KeyType takes no id.
const (
	// IntegerKey is AutoField, BigAutoField, IntegerField and their like.
	IntegerKey KeyType = iota + 1
	// UUIDKey is UUIDField.
	UUIDKey
	// TextKey is CharField, TextField and their like.
	TextKey
)

// ErrBadUserID says that Django's to_python would raise for the id in the session, or the database refuse it.
var ErrBadUserID = errors.New("the user id in the session cannot be a primary key")

// ErrUserNotFound says that the user model has no row with the id in the session.
var ErrUserNotFound = errors.New("user not found")

// ToPython returns the id that Django of version v makes of the entry _auth_user_id, as str(pk) writes it:
// decimal, a hyphenated UUID, or the text. It fails with ErrBadUserID, or with ErrUserNotFound where the id can
// be no row's: for null, which Django looks up as "IS NULL", and for integers beyond 64 bits.
func (t KeyType) ToPython(id Value, v Version) (string, error) {
	if id.kind == Null {
		return "", ErrUserNotFound
	}
	switch t {
	case IntegerKey:
		return integerID(id, v)
	case UUIDKey:
		return uuidID(id, v)
	case TextKey:
		return textID(id)
	}
	return "", ErrBadUserID
}

// integerID is IntegerField.to_python: int(value), db/models/fields/__init__.py, 5.2.
func integerID(id Value, v Version) (string, error) {
	switch id.kind {
	case Bool: // int(True) is 1
		if id.raw == "true" {
			return "1", nil
		}
		return "0", nil
	case Int:
		return int64ID(id.raw)
	case Float: // int(42.9) is 42; int of NaN or an infinity raises
		f := math.Trunc(id.float())
		switch {
		case math.IsNaN(f) || math.IsInf(f, 0):
			return "", ErrBadUserID
		case f < math.MinInt64 || f >= math.MaxInt64: // the latter is 2^63 as a float
			return "", ErrUserNotFound
		}
		return strconv.FormatInt(int64(f), 10), nil
	case String:
		text, _ := id.Text()
		plain, ok := pyIntText(text, 10, v.maxIntDigits())
		if !ok {
			return "", ErrBadUserID
		}
		return int64ID(plain)
	case Bytes: // int(b"42") is 42
		text := id.pickled.Text()
		plain, ok := pyIntText(text, 10, v.maxIntDigits())
		if !ok || strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) {
			return "", ErrBadUserID
		}
		return int64ID(plain)
	case Decimal: // int(Decimal("42.9")) is 42; int of NaN or an infinity raises
		n, ok := id.pickled.Truncated()
		if !ok {
			return "", ErrBadUserID
		}
		return int64ID(n.String())
	case UUID: // UUID.__int__
		return int64ID(id.pickled.BigInt().String())
	case Missing, Null, Array, Object, Time, Opaque:
	}
	return "", ErrBadUserID
}

// int64ID normalises decimal digits, which no column holds beyond 64 bits.
func int64ID(plain string) (string, error) {
	n, err := strconv.ParseInt(plain, 10, 64)
	if err != nil {
		return "", ErrUserNotFound
	}
	return strconv.FormatInt(n, 10), nil
}

// uuidID is UUIDField.to_python: the value where it is a UUID, uuid.UUID(hex=value), or uuid.UUID(int=value) for
// integers, and True and False are integers (db/models/fields/__init__.py, 5.2, and Lib/uuid.py of Python 3.13).
func uuidID(id Value, v Version) (string, error) {
	n, ok := new(big.Int), false
	switch id.kind {
	case String:
		text, _ := id.Text()
		text = strings.ReplaceAll(strings.ReplaceAll(text, "urn:", ""), "uuid:", "")
		text = strings.ReplaceAll(strings.Trim(text, "{}"), "-", "")
		if utf8.RuneCountInString(text) != 32 {
			return "", ErrBadUserID
		}
		var plain string
		if plain, ok = pyIntText(text, 16, 0); ok {
			n, ok = n.SetString(plain, 16)
		}
	case Bool:
		if ok = v.uuidFromInt(); ok && id.raw == "true" {
			n.SetInt64(1)
		}
	case Int:
		if v.uuidFromInt() && len(id.raw) <= 40 { // 2^128 has 39 digits
			n, ok = n.SetString(id.raw, 10)
		}
	case UUID:
		n, ok = id.pickled.BigInt(), true
	case Missing, Null, Float, Array, Object, Bytes, Decimal, Time, Opaque:
	}
	if !ok || n.Sign() < 0 || n.BitLen() > 128 {
		return "", ErrBadUserID
	}
	h := n.Text(16)
	h = strings.Repeat("0", 32-len(h)) + h
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}

// textID is CharField.to_python, str(value) (db/models/fields/__init__.py, 5.2). Of lists, dictionaries and bytes
// str() writes Python code, which is no text key here: see docs/divergences.md. A NUL or a lone surrogate is what
// databases refuse.
func textID(id Value) (string, error) {
	text, ok := id.raw, id.raw != ""
	switch id.kind {
	case String:
		text, ok = id.Text()
	case Bool:
		text = map[string]string{"true": "True", "false": "False"}[id.raw]
	case Int:
		text = strings.Replace(id.raw, "-0", "0", 1) // no integer but -0 begins so
	case Float:
		text = pickle.FloatRepr(id.float())
	case Decimal, UUID, Time:
		text, ok = id.pickled.Str()
	case Missing, Null, Array, Object, Bytes, Opaque:
		ok = false
	}
	if !ok || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return "", ErrBadUserID
	}
	return text, nil
}
