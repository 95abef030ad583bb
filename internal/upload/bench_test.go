package upload_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/upload"
	"django-sidecar/internal/upload/media"
	"django-sidecar/internal/upload/naming"
)

// BenchmarkReceive takes forms of one file from a connection, with and without a digest, until they would be published.
// TMPDIR says where to. The processor's time is that of both ends of the connection.
func BenchmarkReceive(b *testing.B) {
	content := make([]byte, 256<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content) // never fails
	for _, digest := range []bool{true, false} {
		receiver := benchReceiver(b, digest, int64(len(content)))
		for _, size := range []int{1 << 10, 100 << 10, 1 << 20, len(content)} {
			body := []byte(form(filePart("f", "x.bin", string(content[:size]))))
			b.Run(fmt.Sprintf("digest=%t/bytes=%d", digest, size), func(b *testing.B) {
				client, server := pipe(b)
				b.SetBytes(int64(size))
				before := processorNanoseconds(b)
				for b.Loop() {
					sent := make(chan error, 1)
					go func() {
						_, err := client.Write(body)
						sent <- err
					}()
					_, err := receiver.Receive(b.Context(), upload.Submission{
						Body: io.LimitReader(server, int64(len(body))), ContentType: formType, Length: int64(len(body)),
						Check: func(context.Context) error { return errReceived },
					})
					if sendErr := <-sent; sendErr != nil || !errors.Is(err, errReceived) {
						b.Fatal(err, sendErr)
					}
				}
				b.ReportMetric((processorNanoseconds(b)-before)/float64(b.N), "processor-ns/op")
			})
		}
	}
}

// errReceived keeps what has been received from being published.
var errReceived = errors.New("it is all there")

func benchReceiver(b *testing.B, digest bool, maxBytes int64) *upload.Receiver {
	b.Helper()
	version, err := djangosession.ParseVersion("5.2")
	if err != nil {
		b.Fatal(err)
	}
	base := b.TempDir()
	root := filepath.Join(base, "media")
	if err := os.Mkdir(root, 0o755); err != nil {
		b.Fatal(err)
	}
	dir, err := media.Open(media.Config{Root: root, StateDir: filepath.Join(base, "state"), Version: version})
	if err != nil {
		b.Fatal(err)
	}
	rules, err := naming.New(naming.Config{Version: version, Location: time.UTC})
	if err != nil {
		b.Fatal(err)
	}
	return upload.New(upload.Config{Media: dir, Rules: rules, MaxBytes: maxBytes, Digest: digest, Now: time.Now})
}

// pipe is a TCP connection.
func pipe(b *testing.B) (client, server net.Conn) {
	b.Helper()
	listener, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	client, err = new(net.Dialer).DialContext(b.Context(), "tcp", listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	server, err = listener.Accept()
	if err := errors.Join(err, listener.Close()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := errors.Join(client.Close(), server.Close()); err != nil {
			b.Error(err)
		}
	})
	return client, server
}

func processorNanoseconds(b *testing.B) float64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}
