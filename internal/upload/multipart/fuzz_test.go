package multipart_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	stdmultipart "mime/multipart"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"django-sidecar/internal/upload/multipart"
)

// FuzzReader: whatever the body is, it is read as slowParse reads it, however it arrives, and whatever the buffer is.
func FuzzReader(f *testing.F) {
	for _, c := range clients {
		boundary, err := multipart.Boundary(c.contentType)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(strings.ReplaceAll(c.body, boundary, "b")), []byte{0, 3, 200})
	}
	for _, c := range bodies {
		f.Add([]byte(c.body), []byte{1, 16, 5})
	}
	f.Fuzz(func(t *testing.T, body, sizes []byte) {
		sizes = sizes[:min(len(sizes), 50)] // a hundred reads of nothing are io.ErrNoProgress
		limits := multipart.Limits{HeaderBytes: 96, Files: 3, Fields: 4, FieldBytes: 64}
		want, wantErr := slowParse(body, "b", limits)
		room := 0
		for _, p := range want {
			room += len(p.Content)
		}
		if room > len(body) {
			t.Fatalf("%d bytes of a body of %d", room, len(body))
		}
		for i, buffer := range [][]byte{make([]byte, 190), make([]byte, 200+int(byte(len(body)))), make([]byte, 4096)} {
			got, err := readAll(&pieces{data: body, sizes: append(slices.Clip(sizes), 1)}, "multipart/form-data; boundary=b", limits, buffer, i*7)
			if !sameError(err, wantErr) {
				t.Fatalf("%q: %v, want %v", body, err, wantErr)
			}
			if diff := diffParts(want, got); diff != "" {
				t.Fatalf("%q is read otherwise: %s", body, diff)
			}
		}
	})
}

// FuzzWellFormed: what the standard library writes is read as it reads it itself.
func FuzzWellFormed(f *testing.F) {
	f.Add("b", "name", "a.txt", "text/plain", []byte("content"), []byte("value"), 3)
	f.Add("+++++", "a b", "ü.txt", "", []byte("\r\n--++++\r\n--\r\n\r\n"), []byte{}, 1)
	f.Add("----WebKitFormBoundary7MA4YWxkTrZu0gW", "", "", "x/y; charset=utf-8", []byte{0, '\r', '\n', '-'}, []byte("\r"), 100)
	f.Fuzz(func(t *testing.T, boundary, name, filename, contentType string, content, value []byte, size int) {
		var body bytes.Buffer
		w := stdmultipart.NewWriter(&body)
		if w.SetBoundary(boundary) != nil || strings.Contains(boundary, " ") {
			t.Skip("not a boundary")
		}
		if bytes.Contains(append(content, value...), []byte(boundary)) || strings.ContainsAny(contentType, "\r\n") || len(name)+len(filename)+len(contentType) > 500 {
			t.Skip("not well-formed")
		}
		if !utf8.ValidString(contentType) {
			t.Skip("passed over, as by Django")
		}
		header := textproto.MIMEHeader{"Content-Disposition": {stdmultipart.FileContentDisposition(name, filename)}, "Content-Type": {contentType}}
		file, err := w.CreatePart(header)
		if err != nil {
			t.Fatal(err)
		}
		_, fileErr := file.Write(content)
		if err := errors.Join(fileErr, w.WriteField(name, string(value)), w.Close()); err != nil {
			t.Fatal(err)
		}
		sizes := []byte{byte(size), byte(size >> 8), 1}
		got, err := readAll(&pieces{data: body.Bytes(), sizes: sizes}, w.FormDataContentType(), multipart.Limits{}, make([]byte, 2048), 0)
		if !errors.Is(err, io.EOF) {
			t.Fatalf("%q: %v", body.Bytes(), err)
		}
		want, err := stdParts(stdmultipart.NewReader(&body, boundary))
		if err != nil {
			t.Skip("the standard library does not read what it has written")
		}
		if diff := diffParts(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// stdParts reads a body with the standard library.
func stdParts(r *stdmultipart.Reader) ([]part, error) {
	var parts []part
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts, nil
		} else if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(p)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{Disposition: p.Header.Get("Content-Disposition"), ContentType: p.Header.Get("Content-Type"), Content: content})
	}
}

// FuzzBoundary: a boundary is one of Django's, and can be read back.
func FuzzBoundary(f *testing.F) {
	for _, c := range contentTypes {
		f.Add(c.contentType)
	}
	f.Fuzz(func(t *testing.T, contentType string) {
		boundary, err := multipart.Boundary(contentType)
		if err != nil {
			if !errors.As(err, new(*multipart.ParserError)) || boundary != "" {
				t.Errorf("%q: %q, %v", contentType, boundary, err)
			}
			return
		}
		if !django.MatchString(boundary) {
			t.Fatalf("%q has the boundary %q", contentType, boundary)
		}
		again, err := multipart.Boundary(fmt.Sprintf("multipart/form-data; boundary=\"%s\"", boundary))
		if !strings.ContainsAny(boundary, `"`) && (again != boundary || err != nil) {
			t.Errorf("%q is %q in quotes, %v", boundary, again, err)
		}
	})
}
