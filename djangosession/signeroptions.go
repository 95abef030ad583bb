package djangosession

import "django-sidecar/signing"

// SignerOptions returns which keys and algorithms django.core.signing.Signer of version v accepts, given SECRET_KEY,
// SECRET_KEY_FALLBACKS and DEFAULT_HASHING_ALGORITHM; the latter two count only in the versions that have them. The
// salt is left to the caller.
func (v Version) SignerOptions(secret signing.Keys, fallbacks []signing.Keys, algorithm signing.Algorithm) signing.Options {
	o := signing.Options{Secret: secret}
	switch {
	case v.hashingAlgorithmMatters():
		o.Algorithm, o.AlsoAccept = algorithm, []signing.Algorithm{signing.SHA1}
	case !v.readsSigned():
		o.Algorithm = signing.SHA1 // core/signing.py, 3.0, base64_hmac: salted_hmac(salt, value, key), which was SHA-1
	}
	if v.fallbackSignatures() {
		o.FallbackSecrets = fallbacks
	}
	return o
}
