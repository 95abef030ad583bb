package config

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"django-sidecar/signing"
)

// These bound DJANGO_SESSION_KEYS, far above what any deployment needs.
const (
	maxSessionKeys   = 64 // objects: SECRET_KEY, and its fallbacks
	maxKeysOfASecret = 64
)

// Keys are the keys of SECRET_KEY and of each of its fallbacks: derived from these, or those of DJANGO_SESSION_KEYS.
// The first is nil where nothing is known.
func (c *Config) Keys() (signing.Keys, []signing.Keys) {
	var all []signing.Keys
	for _, keys := range c.SessionKeys {
		all = append(all, keys)
	}
	if len(all) == 0 && c.SecretKey.Reveal() != "" {
		all = append(all, signing.SecretKey(c.SecretKey.Reveal()))
		for _, fallback := range c.SecretKeyFallbacks {
			all = append(all, signing.SecretKey(fallback.Reveal()))
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	return all[0], all[1:]
}

// Fallbacks is how many fallback keys there are, as given.
func (c *Config) Fallbacks() int {
	_, fallbacks := c.Keys()
	return len(fallbacks)
}

// readSessionKeys reads DJANGO_SESSION_KEYS, and reports whether it is given.
func (c *Config) readSessionKeys(r *reader) bool {
	const name = "DJANGO_SESSION_KEYS"
	if !r.given(name) {
		return false
	}
	source := name
	if !r.value(name).given {
		source += "_FILE"
	}
	for _, other := range []string{"DJANGO_SECRET_KEY", "DJANGO_SECRET_KEY_FALLBACKS"} {
		for _, v := range []settingValue{r.value(other), r.value(other + "_FILE")} {
			if v.given {
				r.fault(source, "is set, and so is "+v.variable+": take "+v.variable+" away, since the derived keys "+
					"are there so that the secret need not be known here")
			}
		}
	}
	text, _ := r.secret(name)
	if text == "" {
		return true // there was a fault
	}
	keys, err := parseSessionKeys(text)
	if err != nil {
		r.fault(source, err.Error())
		return true
	}
	c.SessionKeys = keys
	return true
}

// parseSessionKeys reads a JSON list of objects, each of which has keys by their names. An error says what is wrong
// at which place, and quotes nothing: a secret may be anywhere in a text that is not what it should be.
func parseSessionKeys(text string) ([]signing.DerivedKeys, error) {
	in := json.NewDecoder(strings.NewReader(text))
	if next(in) != json.Delim('[') {
		return nil, errors.New("is not a JSON list of objects, as django-sidecar keys prints it")
	}
	var list []signing.DerivedKeys
	// More of Go 1.27 says yes at the end of the text too.
	for in.More() && strings.TrimSpace(text[in.InputOffset():]) != "" {
		if len(list) == maxSessionKeys {
			return nil, fmt.Errorf("has more than %d items", maxSessionKeys)
		}
		keys, err := derivedKeys(in)
		if err != nil {
			return nil, fmt.Errorf("has a wrong item %d: %w", len(list)+1, err)
		}
		list = append(list, keys)
	}
	if next(in) != json.Delim(']') {
		return nil, errors.New("is not JSON: the list does not end")
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("has something behind its list")
	}
	if len(list) == 0 {
		return nil, errors.New("is an empty list: it must have an object for SECRET_KEY, and one for each of " +
			"SECRET_KEY_FALLBACKS")
	}
	return list, nil
}

// next is the next token, nil where there is none: the decoder's errors quote the text, and are dropped.
func next(in *json.Decoder) json.Token {
	token, err := in.Token()
	if err != nil {
		return nil
	}
	return token
}

// derivedKeys reads one object. Python's json.loads, and Go's, would take the last of two keys with one name.
func derivedKeys(in *json.Decoder) (signing.DerivedKeys, error) {
	if next(in) != json.Delim('{') {
		return nil, errors.New("it is not a JSON object")
	}
	keys := signing.DerivedKeys{}
	for n := 1; in.More(); n++ {
		name, isName := next(in).(string)
		digits, isText := next(in).(string)
		if !isName || !isText {
			return nil, fmt.Errorf("its key %d is not a JSON text with a name", n)
		}
		if n > maxKeysOfASecret {
			return nil, fmt.Errorf("it has more than %d keys", maxKeysOfASecret)
		}
		known, key, err := derivedKey(name, digits)
		if err != nil {
			return nil, fmt.Errorf("its key %d %w", n, err)
		}
		if _, twice := keys[known]; twice {
			return nil, fmt.Errorf("its key %d has the name of an earlier one", n)
		}
		keys[known] = key
	}
	if next(in) != json.Delim('}') {
		return nil, errors.New("it is not JSON")
	}
	return keys, nil
}

// derivedKey reads a name, ALGORITHM:KEY SALT, and the key in hexadecimal digits.
func derivedKey(text, digits string) (name signing.KeyName, key []byte, err error) {
	algorithm, salt, _ := strings.Cut(text, ":")
	switch algorithm {
	case signing.SHA256.String():
		name = signing.KeyName{Algorithm: signing.SHA256, Salt: salt}
	case signing.SHA1.String():
		name = signing.KeyName{Algorithm: signing.SHA1, Salt: salt}
	default:
		return name, nil, errors.New(`has a name that does not begin with "sha256:" or "sha1:"`)
	}
	if salt == "" {
		return name, nil, errors.New("has a name without a salt")
	}
	size := name.Algorithm.Size()
	if key, err = hex.DecodeString(digits); err != nil || len(key) != size { // hex's error quotes the value: dropped
		return name, nil, fmt.Errorf("is not %d hexadecimal digits, as hashlib.%s(…).hexdigest() gives them",
			2*size, algorithm)
	}
	return name, key, nil
}
