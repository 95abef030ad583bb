package djangocache

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"django-sidecar/signing"
)

// decompressor undoes one of django-redis's compressors. An error that is a *signing.SyntaxError says that the value is
// larger than max bytes; any other, that this is nothing which the compressor made.
type decompressor func(value []byte, max int) ([]byte, error)

// newDecompressor reads the option compressor, which names one of django_redis/compressors, 7.0, as class or module.
func newDecompressor(s *settings, maxBytes int) (decompressor, error) {
	class, err := s.one("compressor", "identity", "zlib", "gzip", "lz4", "zstd", "IdentityCompressor", "ZlibCompressor",
		"GzipCompressor", "Lz4Compressor", "ZStdCompressor")
	if err != nil {
		return nil, errors.New("option compressor is none of django-redis's identity, zlib, gzip, lz4 and zstd " +
			"(its lzma has no well-kept reader in Go)")
	}
	switch class {
	case "zlib", "ZlibCompressor":
		return inflateZlib, nil
	case "gzip", "GzipCompressor":
		return inflateGzip, nil
	case "lz4", "Lz4Compressor":
		return inflateLz4, nil
	case "zstd", "ZStdCompressor":
		return newZstd(maxBytes)
	}
	return nil, nil //nolint:nilnil // identity
}

func tooLarge(max int) error {
	return &signing.SyntaxError{Problem: fmt.Sprintf("more than %d bytes when inflated", max)}
}

func tooLargeStored(max int) error {
	return &signing.SyntaxError{Problem: fmt.Sprintf("more than %d bytes", max)}
}

// unreadable makes of a fault in compressed data the answer that it is.
func unreadable(err error) error {
	if errors.As(err, new(*signing.SyntaxError)) {
		return err
	}
	return &signing.SyntaxError{Problem: "compressed data that are broken"}
}

// readBounded reads all of r, which may be larger than max bytes by much.
func readBounded(r io.Reader, max int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(max)+1))
	if err == nil && len(data) > max {
		err = tooLarge(max)
	}
	return data, err
}

// inflateZlib is zlib.decompress: what follows the stream is passed over.
func inflateZlib(value []byte, max int) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(value))
	if err != nil {
		return nil, err
	}
	return readBounded(r, max)
}

func inflateGzip(value []byte, max int) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(value))
	if err != nil {
		return nil, err
	}
	return readBounded(r, max)
}

// inflateLz4 reads LZ4's frame format, lz4.frame of Python's lz4.
func inflateLz4(value []byte, max int) ([]byte, error) {
	return readBounded(lz4.NewReader(bytes.NewReader(value)), max)
}

func newZstd(maxBytes int) (decompressor, error) {
	// The decoder is used through DecodeAll alone, which needs no goroutines and may be called at the same time.
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(uint64(max(maxBytes, 1))),
		zstd.WithDecoderConcurrency(0))
	if err != nil {
		return nil, fmt.Errorf("zstd decoder: %w", err)
	}
	return func(value []byte, max int) ([]byte, error) {
		data, err := decoder.DecodeAll(value, nil)
		if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) || err == nil && len(data) > max {
			return nil, tooLarge(max)
		}
		return data, err
	}, nil
}
