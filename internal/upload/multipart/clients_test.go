package multipart_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"django-sidecar/internal/upload/multipart"
)

func file(disposition, contentType, content string) part {
	return part{Disposition: disposition, ContentType: contentType, Content: []byte(content)}
}

func field(disposition, value string) part { return file(disposition, "", value) }

// clients are requests as clients send them, byte for byte.
var clients = []struct {
	name, contentType, body string
	parts                   []part
}{
	{
		// cordova-plugin-file-transfer, src/android/FileTransfer.java: names as they are, quotes and all.
		"Cordova on Android", "multipart/form-data; boundary=+++++",
		crlf("--+++++\nContent-Disposition: form-data; name=\"title\"\n\nGrüße\n" +
			"--+++++\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"b ü.txt\"\nContent-Type: text/plain\n\n" +
			"one\ntwo --+++++ three\n--+++++four\n\n--+++++--\n"),
		[]part{
			field(`form-data; name="title"`, "Grüße"),
			file(`form-data; name="file"; filename="a"b ü.txt"`, "text/plain", "one\r\ntwo --+++++ three\r\n--+++++four\r\n"),
		},
	},
	{
		// src/ios/CDVFileTransfer.m
		"Cordova on iOS", "multipart/form-data; boundary=+++++org.apache.cordova.formBoundary",
		crlf("--+++++org.apache.cordova.formBoundary\nContent-Disposition: form-data; name=\"k\"\n\n1\n" +
			"--+++++org.apache.cordova.formBoundary\nContent-Disposition: form-data; name=\"file\"; filename=\"no-filename\"\n" +
			"Content-Type: image/jpeg\nContent-Length: 9\n\n\xff\xd8\xff\xe0--+++\n--+++++org.apache.cordova.formBoundary--\n"),
		[]part{field(`form-data; name="k"`, "1"), file(`form-data; name="file"; filename="no-filename"`, "image/jpeg", "\xff\xd8\xff\xe0--+++")},
	},
	{
		"Cordova on iOS, an empty file", "multipart/form-data; boundary=+++++org.apache.cordova.formBoundary",
		crlf("--+++++org.apache.cordova.formBoundary\nContent-Disposition: form-data; name=\"file\"; filename=\"e\"\n" +
			"Content-Length: 0\n\n\n--+++++org.apache.cordova.formBoundary--\n"),
		[]part{file(`form-data; name="file"; filename="e"`, "", "")},
	},
	{
		"Chrome and Safari", "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
		crlf("------WebKitFormBoundary7MA4YWxkTrZu0gW\nContent-Disposition: form-data; name=\"file\"; filename=\"a%22b.bin\"\n" +
			"Content-Type: application/octet-stream\n\n\x00\x01\n\n------WebKitFormBoundary7MA4YWxkTrZu0gW\n" +
			"Content-Disposition: form-data; name=\"empty\"; filename=\"\"\nContent-Type: application/octet-stream\n\n\n" +
			"------WebKitFormBoundary7MA4YWxkTrZu0gW\nContent-Disposition: form-data; name=\"a\"\n\none\ntwo\n------WebKitFormBoundary7MA4YWxkTrZu0gW--\n"),
		[]part{
			file(`form-data; name="file"; filename="a%22b.bin"`, "application/octet-stream", "\x00\x01\r\n"),
			file(`form-data; name="empty"; filename=""`, "application/octet-stream", ""),
			field(`form-data; name="a"`, "one\r\ntwo"),
		},
	},
	{
		"Firefox", "multipart/form-data; boundary=---------------------------9051914041544843365972754266",
		crlf("-----------------------------9051914041544843365972754266\nContent-Disposition: form-data; name=\"text\"\n\ntext default\n" +
			"-----------------------------9051914041544843365972754266\nContent-Disposition: form-data; name=\"file1\"; filename=\"a.html\"\n" +
			"Content-Type: text/html\n\n<!DOCTYPE html><title>a</title>\n\n-----------------------------9051914041544843365972754266--\n"),
		[]part{
			field(`form-data; name="text"`, "text default"),
			file(`form-data; name="file1"; filename="a.html"`, "text/html", "<!DOCTYPE html><title>a</title>\r\n"),
		},
	},
	{
		"curl", "multipart/form-data; boundary=------------------------d74496d66958873e",
		crlf("--------------------------d74496d66958873e\nContent-Disposition: form-data; name=\"person\"\n\nanonymous\n" +
			"--------------------------d74496d66958873e\nContent-Disposition: form-data; name=\"secret\"; filename=\"file.txt\"\n" +
			"Content-Type: text/plain\n\ncontents of the file\n--------------------------d74496d66958873e--\n"),
		[]part{
			field(`form-data; name="person"`, "anonymous"),
			file(`form-data; name="secret"; filename="file.txt"`, "text/plain", "contents of the file"),
		},
	},
	{
		".NET", `multipart/form-data; boundary="7f4a-b"`,
		crlf("--7f4a-b\nContent-Type: text/plain; charset=utf-8\nContent-Disposition: form-data; name=a\n\n1\n" +
			"--7f4a-b\nContent-Disposition: form-data; name=\"f\"; filename=\"x.txt\"; filename*=utf-8''x.txt\n\nx\n--7f4a-b--\n"),
		[]part{
			{Disposition: "form-data; name=a", ContentType: "text/plain; charset=utf-8"}, // kindOf knows only quotes
			file(`form-data; name="f"; filename="x.txt"; filename*=utf-8''x.txt`, "", "x"),
		},
	},
	{
		"Dart", "multipart/form-data; boundary=dart-http-boundary-ABC_def.1",
		crlf("--dart-http-boundary-ABC_def.1\ncontent-type: application/octet-stream\ncontent-disposition: form-data; name=\"f\"; filename=\"x\"\n\n" +
			"x\n--dart-http-boundary-ABC_def.1--\n"),
		[]part{file(`form-data; name="f"; filename="x"`, "application/octet-stream", "x")},
	},
}

func TestClients(t *testing.T) {
	t.Parallel()
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := diffParts(c.parts, mustRead(t, c.contentType, c.body, multipart.Limits{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestEverySplit reads each body in two pieces, split everywhere, and in the ways of testing/iotest, through a buffer that
// is as small as it may be and through larger ones.
func TestEverySplit(t *testing.T) {
	t.Parallel()
	limits := multipart.Limits{HeaderBytes: 300}
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check := func(source io.Reader, buffer []byte, readSize int, how any) {
				got, err := readAll(source, c.contentType, limits, buffer, readSize)
				if diff := diffParts(c.parts, got); diff != "" || !errors.Is(err, io.EOF) {
					t.Fatalf("%v, buffer of %d: %v %s", how, len(buffer), err, diff)
				}
			}
			for _, size := range []int{smallest(t, c.contentType, limits), 512, 1 << 16} {
				buffer := make([]byte, size)
				for at := range len(c.body) + 1 {
					two := io.MultiReader(strings.NewReader(c.body[:at]), strings.NewReader(c.body[at:]))
					check(two, buffer, at%3, at)
				}
				check(iotest.OneByteReader(strings.NewReader(c.body)), buffer, 0, "bytes")
				check(iotest.OneByteReader(strings.NewReader(c.body)), buffer, 1, "bytes to bytes")
				check(iotest.HalfReader(strings.NewReader(c.body)), buffer, 0, "halves")
				check(iotest.DataErrReader(strings.NewReader(c.body)), buffer, 5, "data with io.EOF")
				check(&pieces{data: []byte(c.body), sizes: []byte{0, 0, 7, 1}}, buffer, 5, "empty reads")
			}
		})
	}
}

// TestEveryTruncation cuts each body everywhere: the end is missed unless only the last line end is.
func TestEveryTruncation(t *testing.T) {
	t.Parallel()
	for _, c := range clients {
		for at := range c.body {
			_, err := readAll(strings.NewReader(c.body[:at]), c.contentType, multipart.Limits{}, nil, 0)
			want := multipart.ErrTruncated
			if at >= len(c.body)-2 {
				want = io.EOF
			}
			if !errors.Is(err, want) {
				t.Fatalf("%s, cut after %d: %v, want %v", c.name, at, err, want)
			}
		}
	}
}

// smallest finds the shortest buffer that NewReader takes.
func smallest(tb testing.TB, contentType string, limits multipart.Limits) int {
	tb.Helper()
	for size := range multipart.BufferBytes {
		if _, err := multipart.NewReader(strings.NewReader(""), contentType, limits, make([]byte, size)); err == nil {
			return size
		}
	}
	tb.Fatal("no buffer is long enough")
	return 0
}
