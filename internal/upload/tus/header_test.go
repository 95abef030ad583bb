package tus_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/upload/tus"
)

const octets = "application/offset+octet-stream"

// TestCreationHeaders is the table of what a POST may have.
func TestCreationHeaders(t *testing.T) {
	s := newSite(t, nil)
	name := meta("a.txt")
	for _, c := range []struct {
		name   string
		header headers
		body   string
		status int
	}{
		{"a length", headers{"Upload-Length", "3"}, "", 201},
		{"a length of zero", headers{"Upload-Length", "0", "Upload-Metadata", name}, "", 201},
		{"the greatest length", headers{"Upload-Length", strconv.Itoa(maxBytes)}, "", 201},
		{"zeros before a length", headers{"Upload-Length", "0003"}, "", 201},
		{"one byte more", headers{"Upload-Length", strconv.Itoa(maxBytes + 1)}, "", 413},
		{"the greatest int64", headers{"Upload-Length", "9223372036854775807"}, "", 413},
		{"no length", nil, "", 400},
		{"an empty length", headers{"Upload-Length", ""}, "", 400},
		{"a negative length", headers{"Upload-Length", "-1"}, "", 400},
		{"a negative length that is no number", headers{"Upload-Length", "-"}, "", 400},
		{"a sign", headers{"Upload-Length", "+3"}, "", 400},
		{"a fraction", headers{"Upload-Length", "3.0"}, "", 400},
		{"an exponent", headers{"Upload-Length", "3e1"}, "", 400},
		{"hexadecimal digits", headers{"Upload-Length", "0x3"}, "", 400},
		{"a separator", headers{"Upload-Length", "1_000"}, "", 400},
		{"a list", headers{"Upload-Length", "3, 3"}, "", 400},
		{"more than an int64", headers{"Upload-Length", "9223372036854775808"}, "", 400},
		{"2 to the 64", headers{"Upload-Length", "18446744073709551616"}, "", 400},
		{"a length twice", headers{"Upload-Length", "3", "Upload-Length", "3"}, "", 400},
		{"a length that comes later", headers{"Upload-Defer-Length", "1"}, "", 201},
		{"Upload-Defer-Length 0", headers{"Upload-Defer-Length", "0"}, "", 400},
		{"Upload-Defer-Length empty", headers{"Upload-Defer-Length", ""}, "", 400},
		{"Upload-Defer-Length true", headers{"Upload-Defer-Length", "true"}, "", 400},
		{"Upload-Defer-Length twice", headers{"Upload-Defer-Length", "1", "Upload-Defer-Length", "1"}, "", 400},
		{"both", headers{"Upload-Length", "3", "Upload-Defer-Length", "1"}, "", 400},
		{"concatenation", headers{"Upload-Length", "3", "Upload-Concat", "partial"}, "", 400},
		{"metadata that is none", headers{"Upload-Length", "3", "Upload-Metadata", "filename ???"}, "", 400},
		{"metadata twice", headers{"Upload-Length", "3", "Upload-Metadata", name, "Upload-Metadata", "x eA=="}, "", 400},
		{"an extension that is not taken", headers{"Upload-Length", "3", "Upload-Metadata", meta("a.exe")}, "", 415},
		{"another version", headers{"Upload-Length", "3", "Tus-Resumable", "0.2.2"}, "", 412},
		{"no version", headers{"Upload-Length", "3", "-Tus-Resumable", ""}, "", 412},
		{"the method of another", headers{"Upload-Length", "3", "X-HTTP-Method-Override", "DELETE"}, "", 201},

		{"with the whole", headers{"Upload-Length", "3", "Content-Type", octets, "Upload-Metadata", name}, "abc", 201},
		{"with a part", headers{"Upload-Length", "4", "Content-Type", octets}, "abc", 201},
		{"with the first bytes of what has no length yet", headers{"Upload-Defer-Length", "1", "Content-Type", octets}, "abc", 201},
		{"with too much", headers{"Upload-Length", "2", "Content-Type", octets}, "abc", 413},
		{"with something of no type", headers{"Upload-Length", "3"}, "abc", 415},
		{"with a form", headers{"Upload-Length", "3", "Content-Type", "multipart/form-data; boundary=a"}, "abc", 415},
		{"with something packed", headers{"Upload-Length", "3", "Content-Type", octets, "Content-Encoding", "gzip"}, "abc", 415},
		{"with a checksum", headers{"Upload-Length", "3", "Content-Type", octets, "Upload-Metadata", name, "Upload-Checksum", "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0="}, "abc", 201},
		{"with another's checksum", headers{"Upload-Length", "3", "Content-Type", octets, "Upload-Checksum", "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0="}, "abd", 460},
		{"without what the checksum is of", headers{"Upload-Length", "3", "Upload-Checksum", "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0="}, "", 460},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(files(t, s.state))
			a := s.do(http.MethodPost, "/tus/", c.header, strings.NewReader(c.body)).want(t, c.status)
			location := a.Header.Get("Location")
			if (location != "") != (c.status == 201) || location != "" && len(location) != len("/tus/")+32 {
				t.Errorf("Location %q", location)
			}
			if c.status != 201 {
				if after := len(files(t, s.state)); after != before {
					t.Errorf("what was refused has left %d files", after-before)
				}
				if !strings.HasPrefix(a.body, `{"result":false,"message":"`) {
					t.Errorf("the answer is %s", a.body)
				}
			}
			if c.status == 412 && a.Header.Get("Tus-Version") != "1.0.0" {
				t.Error("a 412 must have Tus-Version")
			}
		})
	}
	s.expectNoReports()
}

// TestPatchHeaders is the table of what a PATCH may have. Each meets an upload of 10 bytes that has 4.
func TestPatchHeaders(t *testing.T) {
	s := newSite(t, nil)
	for _, c := range []struct {
		name   string
		header headers
		body   string
		status int
		offset int // after it
	}{
		{"what comes next", headers{"Upload-Offset", "4", "Content-Type", octets}, "abc", 204, 7},
		{"the type in capitals", headers{"Upload-Offset", "4", "Content-Type", "Application/Offset+Octet-Stream"}, "abc", 204, 7},
		{"nothing", headers{"Upload-Offset", "4", "Content-Type", octets}, "", 204, 4},
		{"its length again", headers{"Upload-Offset", "4", "Content-Type", octets, "Upload-Length", "10"}, "abc", 204, 7},
		{"a smaller offset", headers{"Upload-Offset", "3", "Content-Type", octets}, "abc", 409, 4},
		{"a greater offset", headers{"Upload-Offset", "5", "Content-Type", octets}, "abc", 409, 4},
		{"an offset beyond the length", headers{"Upload-Offset", "11", "Content-Type", octets}, "abc", 409, 4},
		{"no offset", headers{"Content-Type", octets}, "abc", 400, 4},
		{"a negative offset", headers{"Upload-Offset", "-4", "Content-Type", octets}, "abc", 400, 4},
		{"an offset with garbage", headers{"Upload-Offset", "4a", "Content-Type", octets}, "abc", 400, 4},
		{"an offset beyond int64", headers{"Upload-Offset", "18446744073709551620", "Content-Type", octets}, "abc", 400, 4},
		{"two offsets", headers{"Upload-Offset", "4", "Upload-Offset", "4", "Content-Type", octets}, "abc", 400, 4},
		{"more than there may be", headers{"Upload-Offset", "4", "Content-Type", octets}, "abcdefg", 413, 4},
		{"another length", headers{"Upload-Offset", "4", "Content-Type", octets, "Upload-Length", "11"}, "abc", 400, 4},
		{"a length too great", headers{"Upload-Offset", "4", "Content-Type", octets, "Upload-Length", strconv.Itoa(maxBytes + 1)}, "abc", 413, 4},
		{"a negative length", headers{"Upload-Offset", "4", "Content-Type", octets, "Upload-Length", "-1"}, "abc", 400, 4},
		{"no type", headers{"Upload-Offset", "4"}, "abc", 415, 4},
		{"another type", headers{"Upload-Offset", "4", "Content-Type", "application/octet-stream"}, "abc", 415, 4},
		{"two types", headers{"Upload-Offset", "4", "Content-Type", octets, "Content-Type", octets}, "abc", 400, 4},
		{"packed", headers{"Upload-Offset", "4", "Content-Type", octets, "Content-Encoding", "gzip"}, "abc", 415, 4},
		{"another version", headers{"Upload-Offset", "4", "Content-Type", octets, "Tus-Resumable", "2.0.0"}, "abc", 412, 4},
		{"sha1", headers{"Upload-Offset", "4", "Content-Type", octets, "Upload-Checksum", "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0="}, "abc", 204, 7},
		{"md5", headers{"Upload-Offset", "4", "Content-Type", octets, "Upload-Checksum", "md5 kAFQmDzST7DWlj99KOF/cg=="}, "abc", 204, 7},
		{"sha256", headers{"Upload-Offset", "4", "Content-Type", octets, "Upload-Checksum", "sha256 ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="}, "abc", 204, 7},
		{"a mismatch", headers{"Upload-Offset", "4", "Content-Type", octets, "Upload-Checksum", "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0="}, "abx", 460, 4},
		{"an algorithm that is not there", headers{"Upload-Offset", "4", "Content-Type", octets, "Upload-Checksum", "crc32 AAAAAA=="}, "abc", 400, 4},
		{"an algorithm in capitals", headers{"Upload-Offset", "4", "Content-Type", octets, "Upload-Checksum", "SHA1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0="}, "abc", 400, 4},
		{"a checksum of another size", headers{"Upload-Offset", "4", "Content-Type", octets, "Upload-Checksum", "sha1 kAFQmDzST7DWlj99KOF/cg=="}, "abc", 400, 4},
		{"a checksum in no base64", headers{"Upload-Offset", "4", "Content-Type", octets, "Upload-Checksum", "sha1 ???"}, "abc", 400, 4},
		{"an empty checksum", headers{"Upload-Offset", "4", "Content-Type", octets, "Upload-Checksum", ""}, "abc", 400, 4},
		{"two checksums", headers{"Upload-Offset", "4", "Content-Type", octets, "Upload-Checksum", "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", "Upload-Checksum", "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0="}, "abc", 400, 4},
	} {
		for _, chunked := range []bool{false, true} {
			t.Run(c.name+map[bool]string{true: " in chunks"}[chunked], func(t *testing.T) {
				path := s.create(10, "a.txt")
				s.patch(path, 0, []byte("0123")).want(t, 204)
				body := strings.NewReader(c.body)
				var a answer
				if chunked {
					a = s.do(http.MethodPatch, path, c.header, struct{ *unsized }{&unsized{body}})
				} else {
					a = s.do(http.MethodPatch, path, c.header, body)
				}
				a.want(t, c.status)
				if a.Header.Get("Upload-Offset") != map[bool]string{true: strconv.Itoa(c.offset)}[c.status == 204] {
					t.Errorf("Upload-Offset %q", a.Header.Get("Upload-Offset"))
				}
				if got := s.offset(path); got != c.offset {
					t.Errorf("the offset is %d, want %d", got, c.offset)
				}
			})
		}
	}
	s.expectNoReports()
}

// unsized hides the length of a body, so that it is sent in chunks.
type unsized struct{ r *strings.Reader }

// Read implements io.Reader.
func (u *unsized) Read(p []byte) (int, error) { return u.r.Read(p) }

// TestMethodOverride: a client that cannot send PATCH or DELETE says so on a POST to the upload's own URL.
func TestMethodOverride(t *testing.T) {
	s := newSite(t, nil)
	path := s.create(3, "a.txt")
	patch := headers{"X-HTTP-Method-Override", "PATCH", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream"}
	for _, c := range []struct {
		name, method, path string
		h                  headers
		status             int
	}{
		{"a method that nobody needs it for", "POST", path, headers{"X-HTTP-Method-Override", "HEAD"}, 400},
		{"a method that is none", "POST", path, headers{"X-HTTP-Method-Override", "patch"}, 400},
		{"two of them", "POST", path, headers{"X-HTTP-Method-Override", "PATCH", "X-HTTP-Method-Override", "DELETE"}, 400},
		{"on a GET", "GET", path, headers{"X-HTTP-Method-Override", "DELETE"}, 405},
		{"on a PUT", "PUT", path, patch, 405},
		{"at the URL of all uploads", "POST", "/tus/", append(headers{"Upload-Length", "3"}, "X-HTTP-Method-Override", "DELETE"), 201},
	} {
		if a := s.do(c.method, c.path, c.h, nil); a.StatusCode != c.status {
			t.Errorf("%s: got %d, want %d", c.name, a.StatusCode, c.status)
		}
	}
	if got := s.offset(path); got != 0 {
		t.Fatalf("the offset is %d", got)
	}
	if a := s.do("POST", path, patch, strings.NewReader("abc")); a.StatusCode != 204 || a.Header.Get("Upload-Offset") != "3" {
		t.Errorf("PATCH: got %d, %v", a.StatusCode, a.Header)
	}
	other := s.create(3, "b.txt")
	if a := s.do("POST", other, headers{"X-HTTP-Method-Override", "DELETE"}, nil); a.StatusCode != 204 {
		t.Errorf("DELETE: got %d", a.StatusCode)
	}
	if a := s.do("HEAD", other, nil, nil); a.StatusCode != 404 {
		t.Errorf("after DELETE: got %d", a.StatusCode)
	}
	s.expectNoReports()
}

// TestNothingMore: a client may find out only after the last byte that nothing is left to send. tus-java-client has begun a request
// then, in chunks, which has no bytes.
func TestNothingMore(t *testing.T) {
	s := newSite(t, func(o *tus.Options) { o.Grace = 50 * time.Millisecond; o.Now = time.Now })
	path := s.create(3, "a.txt")
	s.patch(path, 0, []byte("abc")).want(t, 204)
	step := headers{"Upload-Offset", "3", "Content-Type", "application/offset+octet-stream"}
	override := append(headers{"X-HTTP-Method-Override", "PATCH"}, step...)
	for _, c := range []struct {
		name, method string
		h            headers
		body         io.Reader
		status       int
	}{
		{"no body", "PATCH", step, nil, 204},
		{"no chunk", "PATCH", step, struct{ *unsized }{&unsized{strings.NewReader("")}}, 204},
		{"no chunk, by POST", "POST", override, struct{ *unsized }{&unsized{strings.NewReader("")}}, 204},
		{"a byte in a chunk", "PATCH", step, struct{ *unsized }{&unsized{strings.NewReader("x")}}, 413},
		{"a byte", "PATCH", step, strings.NewReader("x"), 413},
	} {
		a := s.do(c.method, path, c.h, c.body)
		if a.StatusCode != c.status || c.status == 204 && a.Header.Get("Upload-Offset") != "3" {
			t.Errorf("%s: got %d, %v", c.name, a.StatusCode, a.Header)
		}
	}
	// Who neither sends nor ends is not waited for.
	silent, write := io.Pipe()
	defer write.Close() //nolint:errcheck // of a pipe
	s.do("PATCH", path, step, silent).want(t, 408)
	s.expectNoReports()
}

func TestMethods(t *testing.T) {
	s := newSite(t, nil)
	path := s.create(3, "a.txt")
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"OPTIONS", "/tus/", 204, ""},
		{"OPTIONS", path, 204, ""},
		{"GET", "/tus/", 405, "OPTIONS, POST"},
		{"HEAD", "/tus/", 405, "OPTIONS, POST"},
		{"PATCH", "/tus/", 405, "OPTIONS, POST"},
		{"DELETE", "/tus/", 405, "OPTIONS, POST"},
		{"POST", path, 405, "OPTIONS, HEAD, PATCH, DELETE"},
		{"PUT", path, 405, "OPTIONS, HEAD, PATCH, DELETE"},
		{"GET", path, 405, "OPTIONS, HEAD, PATCH, DELETE"},
		{"HEAD", path, 200, ""},
		{"HEAD", path + "/", 404, ""},
		{"HEAD", strings.ToUpper(path), 404, ""},
		{"HEAD", "/tus/../tus/x", 404, ""},
		{"HEAD", "/tus/%2e%2e%2fetc", 404, ""},
		{"HEAD", "/tusk/" + strings.Repeat("a", 32), 404, ""},
		{"DELETE", path, 204, ""},
		{"DELETE", path, 404, ""},
		{"HEAD", path, 404, ""},
	} {
		a := s.do(c.method, c.path, nil, nil)
		if a.StatusCode != c.status || a.Header.Get("Allow") != c.allow {
			t.Errorf("%s %s: got %d, Allow %q", c.method, c.path, a.StatusCode, a.Header.Get("Allow"))
		}
	}
	a := s.do("OPTIONS", "/tus/", headers{"Tus-Resumable", "7"}, nil) // which must be ignored
	for name, want := range map[string]string{
		"Tus-Version": "1.0.0", "Tus-Max-Size": strconv.Itoa(maxBytes), "Tus-Checksum-Algorithm": "sha1,sha256,sha512,md5",
		"Tus-Extension": "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	s.expectNoReports()
}

// manyKeys are more than there may be.
func manyKeys() string {
	keys := "k"
	for i := range 64 {
		keys += ",k" + strconv.Itoa(i)
	}
	return keys
}

func TestMetadata(t *testing.T) {
	for header, want := range map[string]string{
		"filename d29ybGQucGRm,is_confidential": "world.pdf",
		"name YS50eHQ=":                         "a.txt",
		"name YS50eHQ=,filename Yi50eHQ=":       "b.txt",
		"filename":                              "",
		"filename ,name YS50eHQ=":               "",
		"filename Li4vLi4vZXRjL3Bhc3N3ZA==":     "../../etc/passwd",
		"a YQ==, filename Yi50eHQ=":             "b.txt",
		"":                                      "",
		"filename " + "w4TDlsOc":                "ÄÖÜ",
		"relativePath bnVsbA==,name eA==,type aW1hZ2UvcG5n": "x",
	} {
		m, err := tus.ParseMetadata(header)
		if err != nil || tus.Filename(m) != want {
			t.Errorf("%q: got %q, %v", header, tus.Filename(m), err)
		}
	}
	for _, header := range []string{
		",", " ", "a,", ",a", "a,,b", "a YQ==,a YQ==", "a,a YQ==", "a YQ", "a YQ=", "a YQ=== ", "a  YQ==", "a YQ== b", "a YR==",
		"a Y\nQ==", "\x00", "ä YQ==", "a -_==", "filename /w==", "filename 7aCA",
		"x " + strings.Repeat("A", 4096), manyKeys(), "a\tYQ==",
	} {
		if m, err := tus.ParseMetadata(header); err == nil {
			t.Errorf("%.50q: got %v", header, m)
		}
	}
}
