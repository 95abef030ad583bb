package multipart_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	stdmultipart "mime/multipart"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"django-sidecar/internal/upload/multipart"
)

const benchBytes = 64 << 20

// benchContents are what boundaries are sought in.
var benchContents = []struct {
	name  string
	bytes func() []byte
}{
	{"random", func() []byte {
		content := make([]byte, benchBytes)
		r := rand.NewChaCha8([32]byte{})
		_, _ = r.Read(content) // never fails
		return content
	}},
	{"text", func() []byte {
		return bytes.Repeat([]byte("id;name;value-1;2026-11-22\r\n--;\"\";-;+\r\n"), benchBytes/39)
	}},
	{"line ends", func() []byte { return bytes.Repeat([]byte("\n"), benchBytes) }},
	{"near misses", func() []byte { return bytes.Repeat([]byte("\r\n--++++-"), benchBytes/9) }},
}

const benchType = "multipart/form-data; boundary=+++++"

func benchBody(content []byte, header string) []byte {
	return bytes.Join([][]byte{[]byte("--+++++\r\n" + header + head), content, []byte("\r\n--+++++--\r\n")}, nil)
}

// BenchmarkRead reads a body of 64 MiB into nothing and into a file, with this package, with the standard library, and
// without looking for parts at all.
func BenchmarkRead(b *testing.B) {
	out, err := os.Create(filepath.Join(b.TempDir(), "out"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = out.Close() })
	for _, c := range benchContents {
		content := c.bytes()
		body := benchBody(content, "")
		for _, to := range []struct {
			name string
			w    io.Writer
		}{{"nothing", nothing{}}, {"a file", out}} {
			for _, how := range []struct {
				name string
				read func(io.Writer, io.Reader) (int64, error)
			}{{"multipart", readBench}, {"the standard library", readStandard}, {"a copy", copyPlain}} {
				b.Run(c.name+" to "+to.name+" by "+how.name, func(b *testing.B) {
					b.SetBytes(int64(len(body)))
					b.ReportAllocs()
					for b.Loop() {
						rewind(b, to.w)
						n, err := how.read(onlyWriter{to.w}, onlyReader{bytes.NewReader(body)})
						if err != nil || n < int64(len(content)) {
							b.Fatal(n, err)
						}
					}
				})
			}
			if c.name != "random" {
				break
			}
		}
	}
}

func BenchmarkBase64(b *testing.B) {
	text := base64.StdEncoding.EncodeToString(benchContents[0].bytes())
	for _, c := range []struct{ name, text string }{
		{"one line", text},
		{"lines of 76", strings.Join(lines(text, 76), "\r\n")},
	} {
		body := benchBody([]byte(c.text), "Content-Transfer-Encoding: base64\r\n")
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if n, err := readFirst(nothing{}, onlyReader{bytes.NewReader(body)}, benchType, nil); err != nil || n != benchBytes {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkSmall is a form of two fields and a short file, with a buffer that is used again.
func BenchmarkSmall(b *testing.B) {
	c := clients[0]
	buffer := make([]byte, multipart.BufferBytes)
	b.ReportAllocs()
	for b.Loop() {
		r, err := multipart.NewReader(strings.NewReader(c.body), c.contentType, multipart.Limits{}, buffer)
		if err != nil {
			b.Fatal(err)
		}
		p, err := r.Next()
		if err == nil {
			_, err = p.Field(5)
		}
		if err != nil {
			b.Fatal(err)
		}
		if p, err = r.Next(); err != nil {
			b.Fatal(err)
		}
		f, err := p.File()
		if err == nil {
			_, err = f.WriteTo(nothing{})
		}
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
	}
}

// nothing takes all bytes, and has no ReadFrom.
type nothing struct{}

func (nothing) Write(b []byte) (int, error) { return len(b), nil }

func rewind(b *testing.B, w io.Writer) {
	b.Helper()
	if f, ok := w.(*os.File); ok {
		_, err := f.Seek(0, io.SeekStart)
		if err := errors.Join(err, f.Truncate(0)); err != nil {
			b.Fatal(err)
		}
	}
}

func readFirst(w io.Writer, source io.Reader, contentType string, buffer []byte) (int64, error) {
	r, err := multipart.NewReader(source, contentType, multipart.Limits{}, buffer)
	if err != nil {
		return 0, err
	}
	p, err := r.Next()
	if err != nil {
		return 0, err
	}
	f, err := p.File()
	if err != nil {
		return 0, err
	}
	return f.WriteTo(w)
}

func readBench(w io.Writer, source io.Reader) (int64, error) {
	return readFirst(w, source, benchType, nil)
}

func readStandard(w io.Writer, source io.Reader) (int64, error) {
	p, err := stdmultipart.NewReader(source, "+++++").NextPart()
	if err != nil {
		return 0, err
	}
	return io.Copy(w, p)
}

func copyPlain(w io.Writer, source io.Reader) (int64, error) {
	return io.CopyBuffer(w, source, make([]byte, multipart.BufferBytes))
}

func lines(text string, length int) []string {
	var all []string
	for len(text) > length {
		all, text = append(all, text[:length]), text[length:]
	}
	return append(all, text)
}
