// Package signing reads and writes what Django's django.core.signing and
// django.utils.crypto write: salted HMACs, signed values, timestamped values
// and the packed form of dumps and loads.
//
// The grammar, as django/core/signing.py has it from 1.11 to 6.1:
//
//	signed    = value sep signature
//	stamped   = value sep timestamp sep signature     the signature covers value sep timestamp
//	dumped    = [ "." ] base64 sep timestamp sep signature     "." says that zlib has compressed it
//	signature = URL-safe base64 of the HMAC, without padding
//	timestamp = seconds since 1970 in base 62 (0-9 A-Z a-z)
//	sep       = ":" unless Options.Separator is another
//
// The HMAC's key is the hash of salt + "signer" + SECRET_KEY, never SECRET_KEY
// itself. What the versions do differently:
//
//	to 3.0      SHA-1
//	3.1, 3.2    DEFAULT_HASHING_ALGORITHM signs, and SHA-1 is accepted besides
//	4.0         SHA-256
//	from 4.1    SHA-256, and each of SECRET_KEY_FALLBACKS is accepted besides
//
// The caller chooses among them, through Options; djangosession.Version.SignerOptions has them for a version.
//
// Dumps and Loads are signing.dumps and signing.loads in one call, with Django's JSONSerializer. A Signer that is made
// once saves deriving the key each time.
//
// A Signer holds derived keys only, with their HMAC states computed once.
// Nothing is interpreted before its signature has been checked, signatures are
// compared in constant time, and inflating stops one byte past a bound. The
// package has no clock, does no I/O and logs nothing. Everything in it is safe
// for concurrent use.
package signing
