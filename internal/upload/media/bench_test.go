package media_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"django-sidecar/internal/upload/media"
)

// BenchmarkPublish creates, writes and publishes 4 KiB.
func BenchmarkPublish(b *testing.B) {
	for _, linker := range linkers(b) {
		for _, sync := range []bool{true, false} {
			b.Run(fmt.Sprintf("%s, fsync %t", linker, sync), func(b *testing.B) {
				f := newFixture(b, b.TempDir(), media.Config{FilePermissions: permissions(0o644)})
				f.Force(linker)
				if !sync {
					f.SetSync(func(*os.File) error { return nil })
				}
				data := make([]byte, 4096)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					file, err := f.Create(int64(len(data)))
					if err != nil {
						b.Fatal(err)
					}
					if _, err := file.Write(data); err != nil {
						b.Fatal(err)
					}
					name := fmt.Sprintf("up/%d/%d", i%16, i)
					if _, err := file.Publish(func() (string, error) { return name, nil }); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkWrite writes 1 GiB in pieces of 256 KiB, to an upload and to a plain file.
func BenchmarkWrite(b *testing.B) {
	const size, piece = 1 << 30, 256 << 10
	data := make([]byte, piece)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	source := func() io.Reader { return io.LimitReader(repeated(data), size) }
	buffer := make([]byte, piece)
	copyTo := func(b *testing.B, w io.Writer) {
		b.Helper()
		if n, err := io.CopyBuffer(struct{ io.Writer }{w}, source(), buffer); n != size || err != nil {
			b.Fatal(n, err)
		}
	}
	for name, announced := range map[string]int64{"announced": size, "unknown": -1} {
		b.Run(name, func(b *testing.B) {
			f := newFixture(b, b.TempDir(), media.Config{})
			b.SetBytes(size)
			for b.Loop() {
				file, err := f.Create(announced)
				if err != nil {
					b.Fatal(err)
				}
				copyTo(b, file)
				if err := file.Discard(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("a plain file", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "plain")
		b.SetBytes(size)
		for b.Loop() {
			file, err := os.Create(path)
			if err != nil {
				b.Fatal(err)
			}
			copyTo(b, file)
			if err := errors.Join(file.Close(), os.Remove(path)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

type repeated []byte

func (r repeated) Read(p []byte) (int, error) { return copy(p, r), nil }
