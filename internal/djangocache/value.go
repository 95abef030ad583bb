package djangocache

import (
	"bytes"
	"errors"
	"slices"
	"unicode/utf8"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/cachestore"
	"django-sidecar/internal/pytext"
	"django-sidecar/signing"
)

// redisFormat is how values lie in Redis: those of Django's RedisCache are those of django-redis without a compressor.
type redisFormat struct {
	decompress decompressor // nil: values are stored as they are
	serializer string       // pickle, json or msgpack
	maxBytes   int
}

// newRedisFormat reads the options serializer and compressor, which name django-redis's classes or their modules.
func newRedisFormat(s *settings, maxBytes int) (redisFormat, djangosession.Serializer, error) {
	f := redisFormat{maxBytes: maxBytes, serializer: "pickle"}
	class, err := s.one("serializer", "pickle", "json", "msgpack",
		"PickleSerializer", "RedisSerializer", "JSONSerializer", "MSGPackSerializer")
	if err != nil {
		return f, 0, err
	}
	serializer := djangosession.Pickle
	switch class {
	case "json", "JSONSerializer":
		f.serializer, serializer = "json", djangosession.JSON
	case "msgpack", "MSGPackSerializer":
		f.serializer, serializer = "msgpack", djangosession.JSON // it becomes JSON here
	}
	if f.decompress, err = newDecompressor(s, maxBytes); err != nil {
		return f, 0, err
	}
	if _, err := s.one("client_class", "DefaultClient", "SentinelClient"); err != nil {
		return f, 0, errors.New("option client_class is neither django-redis's DefaultClient nor its SentinelClient: " +
			"the others keep values in forms, or in places, that are not known here")
	}
	return f, serializer, nil
}

// decode is decode of django_redis/client/default.py, 7.0, and loads of RedisSerializer of
// core/cache/backends/redis.py, 6.1, up to the serializer's own work.
func (f redisFormat) decode(stored []byte) ([]byte, error) {
	if isPyInt(stored) {
		return nil, cachestore.ErrNotDict // int(value): integers are stored bare, so that Redis can count with them
	}
	if f.decompress != nil {
		inflated, err := f.decompress(stored, f.maxBytes)
		switch {
		case err == nil:
			stored = inflated
		case errors.As(err, new(*signing.SyntaxError)): // too large
			return nil, err
		}
		// Else "Handle little values, chosen to be not compressed".
	}
	switch f.serializer {
	case "json":
		if !utf8.Valid(stored) { // json.loads(value.decode())
			return nil, &signing.SyntaxError{Problem: "JSON that is not UTF-8"}
		}
		return asciiJSON(stored), nil
	case "msgpack":
		text, err := msgpackToJSON(stored, f.maxBytes)
		return asciiJSON(text), err
	}
	return stored, nil
}

// asciiJSON escapes what is not ASCII in JSON that is UTF-8: the JSON of sessions is read as Latin-1, as Django's own
// serializer does.
func asciiJSON(text []byte) []byte {
	if !slices.ContainsFunc(text, func(c byte) bool { return c >= utf8.RuneSelf }) {
		return text
	}
	return pytext.AppendASCII(make([]byte, 0, 3*len(text)), string(text))
}

// isPyInt reports whether Python's int() reads b: white space around it, a sign, and digits with single underscores
// between them, at most 4,300.
func isPyInt(b []byte) bool {
	b = bytes.Trim(b, " \t\n\v\f\r")
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		b = b[1:]
	}
	digits, last := 0, byte('_')
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c != '_' || last == '_':
			return false
		}
		last = c
	}
	return digits > 0 && digits <= 4300 && last != '_'
}

// Flags of the values in Memcached, the same in all three libraries: pymemcache/serde.py, 4.0; pylibmc's
// _pylibmcmodule.h, 1.6.3; memcache.py of python-memcached, 1.59.
const (
	flagPickle     = 1 << 0
	flagInteger    = 1 << 1
	flagLong       = 1 << 2
	flagCompressed = 1 << 3
	flagText       = 1 << 4
)

// decodeMemcached returns the pickle in a value from Memcached.
func decodeMemcached(value []byte, flags uint32, maxBytes int) ([]byte, error) {
	if flags&flagCompressed != 0 {
		inflated, err := inflateZlib(value, maxBytes)
		if err != nil {
			return nil, unreadable(err)
		}
		value = inflated
	}
	// The order of python_memcache_deserializer, pymemcache/serde.py, 4.0.
	switch flags &^= flagCompressed; {
	case flags&^(flagPickle|flagInteger|flagLong|flagText) != 0:
		return nil, &signing.SyntaxError{Problem: "a value with flags that no client of Django's sets"}
	case flags == 0, flags&(flagText|flagInteger|flagLong) != 0:
		return nil, cachestore.ErrNotDict // bytes, a text, a number
	}
	return value, nil
}
