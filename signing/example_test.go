package signing_test

import (
	"errors"
	"fmt"
	"time"

	"django-sidecar/signing"
)

func ExampleNewSigner() {
	// What Signer(key="s3cret", salt="invitations").sign("ada") makes in Django.
	s, err := signing.NewSigner(signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "invitations"})
	if err != nil {
		panic(err)
	}
	signed := s.Sign("ada")
	fmt.Println(signed)

	value, by, err := s.Unsign(signed)
	fmt.Println(value, by, err)

	_, _, err = s.Unsign("bob" + signed[3:])
	fmt.Println(errors.Is(err, signing.ErrBadSignature))
	// Output:
	// ada:mIXSzY9A-MBOIi6ET98_8T-INQwIfcLYrjBPfvu010Y
	// ada SECRET_KEY (sha256) <nil>
	// true
}

func ExampleNewTimestampSigner() {
	s, err := signing.NewTimestampSigner(signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "invitations"})
	if err != nil {
		panic(err)
	}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	signed := s.Sign("ada", now)
	fmt.Println(signed)

	value, _, err := s.UnsignWithin(signed, 24*time.Hour, now.Add(time.Hour))
	fmt.Println(value, err)

	_, _, err = s.UnsignWithin(signed, 24*time.Hour, now.Add(25*time.Hour))
	fmt.Println(err)
	// Output:
	// ada:1xV6Ei:VWrXcUQ8gORWG1h6HY_BNHh4ss3Cg3UCibMBAjZ2p6U
	// ada <nil>
	// signature expired: bad signature
}

func ExampleTimestampSigner_Loads() {
	s, err := signing.NewTimestampSigner(signing.Options{
		Secret:          signing.SecretKey("the key of today"),
		FallbackSecrets: signing.SecretKeys("the key of last year"),
		Salt:            "django.contrib.sessions.SessionStore",
	})
	if err != nil {
		panic(err)
	}
	last, err := signing.NewTimestampSigner(signing.Options{
		Secret: signing.SecretKey("the key of last year"), Salt: "django.contrib.sessions.SessionStore",
	})
	if err != nil {
		panic(err)
	}
	dumped := last.Dumps([]byte(`{"cart":[1,2]}`), true, time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC))

	data, by, err := s.Loads(nil, dumped, 1<<20)
	fmt.Printf("%s, signed by %s, %v\n", data, by, err)
	// Output:
	// {"cart":[1,2]}, signed by SECRET_KEY_FALLBACKS[0] (sha256), <nil>
}

func ExampleDumps() {
	// What signing.dumps({"invited": 42}, salt="shop.invitations") makes in Django.
	o := signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "shop.invitations"}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	text, err := signing.Dumps(o, map[string]int{"invited": 42}, false, now)
	fmt.Println(text, err)

	var invitation struct{ Invited int }
	_, err = signing.Loads(o, text, &invitation, 24*time.Hour, now.Add(time.Hour))
	fmt.Println(invitation.Invited, err)

	_, err = signing.Loads(o, text, &invitation, 24*time.Hour, now.Add(25*time.Hour))
	fmt.Println(errors.Is(err, signing.ErrSignatureExpired))
	// Output:
	// eyJpbnZpdGVkIjo0Mn0:1xV6Ei:8HigrCtS3W9sea8E3cFxfIDydZ-1Ks9xVHOvdnYA-HY <nil>
	// 42 <nil>
	// true
}

func ExampleSigner_SignObject() {
	// What Signer(key="s3cret", salt="shop").sign_object([1, "é"]) makes in Django.
	s, err := signing.NewSigner(signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "shop"})
	if err != nil {
		panic(err)
	}
	signed, err := s.SignObject([]any{1, "é"}, false)
	fmt.Println(signed, err)

	var list []any
	_, err = s.UnsignObject(signed, &list)
	fmt.Println(list, err)
	// Output:
	// WzEsIlx1MDBlOSJd:4q7LBCWbClMoZ5OEvrxaKGV1lYKfEv7wdLa7rP-uBjk <nil>
	// [1 é] <nil>
}

func ExampleNewSaltedHMAC() {
	// user.get_session_auth_hash() in Django, with the password column of a user.
	s := signing.NewSaltedHMAC(signing.SHA256,
		"django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash", "s3cret")
	fmt.Printf("%x\n", s.Sum("pbkdf2_sha256$1$salt$hash"))
	// Output:
	// 86835c73ea7e77b199504bc73880d321d85c94126035d300dc4af5a625e07401
}

func ExampleSaltedHMACOf() {
	// The keys may be of any Keys: here the secret, elsewhere keys that "django-sidecar keys" has derived from it.
	s, err := signing.SaltedHMACOf(signing.SecretKey("s3cret"), signing.SHA256,
		"django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash")
	if err != nil {
		panic(err)
	}
	fmt.Printf("%x\n", s.Sum("pbkdf2_sha256$1$salt$hash"))
	// Output:
	// 86835c73ea7e77b199504bc73880d321d85c94126035d300dc4af5a625e07401
}

func ExampleDecodeBase64() {
	// Python passes over what is not base64, and so must whoever agrees with it.
	data, err := signing.DecodeBase64(nil, "ZGF0 YQ==")
	fmt.Println(string(data), err)

	_, err = signing.DecodeBase64(nil, "ZGF0Y")
	fmt.Println(err)
	// Output:
	// data <nil>
	// malformed signed value: base64 padding
}
