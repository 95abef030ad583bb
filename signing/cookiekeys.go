package signing

// CookieKeys returns the keys of django.core.signing.get_cookie_signer, for signed cookies and messages.
//
//	django/core/signing.py, 5.2: b"django.http.cookies" + force_bytes(key)
func CookieKeys(keys Keys) Keys {
	if keys == nil {
		return nil
	}
	return cookieKeys{keys}
}

type cookieKeys struct{ Keys }

// Key hashes the salt and then the secret, so that what is before the secret is after the salt too.
func (k cookieKeys) Key(algorithm Algorithm, keySalt string) ([]byte, error) {
	return k.Keys.Key(algorithm, keySalt+"django.http.cookies")
}
