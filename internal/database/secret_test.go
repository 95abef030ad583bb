package database

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// The marks stand at both ends of every password below, so that half a password is seen too.
const firstMark, lastMark = "S3CR3T", "T3RC3S"

// FuzzParseURL looks for panics, and for passwords in errors and in Location: a password may hold any characters,
// which somebody forgot to encode.
func FuzzParseURL(f *testing.F) {
	for _, password := range []string{"", "?a=", "?a&b=c", "/", "//x?", "@", ":", "#", "%zz", "[", "]:", ",", ":1/", "1?x@", "\x00", " ", "é", ";", "@h:1/"} {
		f.Add("postgres", "u", password, "h:5432", "d", "sslmode=require")
		f.Add("postgres", "", password, "", "", "host=/dir")
		f.Add("sqlite", "", password, "", "/dir/file", "")
		f.Add("mysql", "u", password, "h:3306", "d", "ssl_mode=REQUIRED")
		f.Add("mariadb", "u", password, "", "d", "unix_socket=/dir&ssl_ca=/file")
	}
	f.Add("postgres", "u?x=", "", "[::1]", "a/b", "%")
	f.Add("sqlite", "@/a", "?x@", "", "/dir/file", "")
	f.Add("sslmode://", "u/x", "p", "h,h", "", "unknown=1")
	f.Fuzz(func(t *testing.T, scheme, user, password, host, path, query string) {
		if strings.ContainsAny(scheme+user+host+path+query, "ST39") { // or the marks could be theirs
			return
		}
		authority, _, slash := strings.Cut(user, "/")
		if slash && (authority == "" || strings.HasSuffix(authority, "@")) && strings.HasPrefix(strings.ToLower(scheme), "sqlite") {
			return // then no host follows, and the rest is the file's path, which is no secret
		}
		secret := firstMark + password + lastMark
		for _, encoded := range []string{secret, url.PathEscape(secret), url.QueryEscape(secret)} {
			raw := scheme + "://" + user + ":" + encoded + "@" + host + "/" + path + "?" + query
			d, err := Open(raw, Options{Timeout: time.Second, Conns: 1})
			if err != nil {
				refuseMarks(t, raw, err.Error())
				continue
			}
			refuseMarks(t, raw, d.Location)
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}
		// As the password of an option, where it must be encoded.
		_, err := configOf("postgres:///d?user=u&password="+url.QueryEscape(secret)+"&"+query, nil)
		if err != nil {
			refuseMarks(t, "in the query", err.Error())
		}
	})
}

func refuseMarks(t *testing.T, raw, text string) {
	t.Helper()
	if strings.Contains(text, firstMark) || strings.Contains(text, lastMark) {
		t.Errorf("%q comes to %q, which holds a part of the password", raw, text)
	}
}
