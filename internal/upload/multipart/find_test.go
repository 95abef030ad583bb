package multipart_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"django-sidecar/internal/upload/multipart"
)

// FuzzIndex: a delimiter is found where it is, whatever has been sought in before, and however often what comes is what
// the last choice was not made for.
func FuzzIndex(f *testing.F) {
	f.Add("+++++", []byte("a\nb+-"), []byte("\n--+++++"), 100, 3000)
	f.Add("-------------------------x", []byte("-"), []byte("\n---\n--"), 5000, 5000)
	f.Add("b", []byte("\n"), []byte("\n--c"), 2000, 1)
	f.Add("abcdefgh", []byte("\n"), []byte("abcdefgh-"), 2000, 2000)
	f.Fuzz(func(t *testing.T, boundary string, first, second []byte, firstCount, secondCount int) {
		if strings.Contains(boundary, "\n") || len(boundary) > 201 {
			t.Skip("not a boundary")
		}
		delimiter := []byte("\n--" + boundary)
		a, b := manyOf(first, firstCount), manyOf(second, secondCount)
		for _, text := range [][]byte{a, b, join(a, b), join(b, a), join(a, delimiter, b), join(a, b, a, b, delimiter), join(delimiter[1:], a)} {
			want := bytes.Index(text, delimiter)
			for _, before := range [][][]byte{nil, {a}, {b}, {a, b}} {
				if got := multipart.Index(delimiter, before, text); got != want {
					t.Errorf("%q is found at %d in %d bytes, and is at %d", delimiter, got, len(text), want)
				}
			}
		}
	})
}

// TestIndex: the same at random, in texts of which few bytes are not the delimiter's.
func TestIndex(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		delimiter := []byte("\n--" + string(letters(r, "+-ab", 1+r.IntN(6))))
		text := letters(r, "+-ab\n"+strings.Repeat("x", r.IntN(20)), r.IntN(20_000))
		if r.IntN(2) == 0 {
			text = append(text, delimiter...)
		}
		if want, got := bytes.Index(text, delimiter), multipart.Index(delimiter, [][]byte{text}, text); got != want {
			t.Fatalf("%q is found at %d in %q, and is at %d", delimiter, got, text, want)
		}
	}
}

func letters(r *rand.Rand, of string, n int) []byte {
	text := make([]byte, n)
	for i := range text {
		text[i] = of[r.IntN(len(of))]
	}
	return text
}

func manyOf(b []byte, count int) []byte {
	return bytes.Repeat(b, max(0, min(count, 20_000/(len(b)+1))))
}

func join(all ...[]byte) []byte { return bytes.Join(all, nil) }

// BenchmarkBoundary reads a body of 16 MiB of each kind, with boundaries as they are sent, and with such as are hard to find.
func BenchmarkBoundary(b *testing.B) {
	const size = 16 << 20
	boundaries := []struct{ name, boundary string }{
		{"Cordova", "+++++"},
		{"Chrome", "----WebKitFormBoundary7MA4YWxkTrZu0gW"},
		{"curl", "------------------------3d5b2f8e1c9a7064"},
		{"Python", "0123456789abcdef0123456789abcdef"},
		{"dashes alone", strings.Repeat("-", 70)},
	}
	r := rand.New(rand.NewPCG(3, 4))
	contents := []struct{ name, text string }{
		{"random", ""},
		{"short lines", "id;name;value-1;2026-11-22\r\n--;\"\";-;+\r\n"},
		{"CSV of UUIDs", string(letters(r, "0123456789abcdef", 32)) + "," + string(letters(r, "0123456789", 5)) + "\n"},
		{"line ends", "\n"},
		{"dashes", "-"},
		{"lines of dashes", strings.Repeat("-", 30) + "\n"},
		{"almost boundaries", strings.Repeat("\n", 20) + "\n--%sx"},
		{"what no sample shows", strings.Repeat("x", 1<<10) + strings.Repeat("\n-+07Webf", 16)},
	}
	for _, c := range contents {
		for _, with := range boundaries {
			text := strings.ReplaceAll(c.text, "%s", with.boundary)
			content := bytes.Repeat([]byte(text), size/max(1, len(text)))
			if text == "" {
				content = make([]byte, size)
				_, _ = rand.NewChaCha8([32]byte{}).Read(content) // never fails
			}
			body := join([]byte("--"+with.boundary+"\r\n"+head), content, []byte("\r\n--"+with.boundary+"--\r\n"))
			contentType := "multipart/form-data; boundary=" + with.boundary
			b.Run(c.name+" by "+with.name, func(b *testing.B) {
				buffer := make([]byte, multipart.BufferBytes)
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					n, err := readFirst(nothing{}, onlyReader{bytes.NewReader(body)}, contentType, buffer)
					if err != nil || n != int64(len(content)) {
						b.Fatal(n, err)
					}
				}
			})
		}
	}
}
