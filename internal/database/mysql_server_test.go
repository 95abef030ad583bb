package database

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Servers that behave badly, for serverOf.

func silent(c net.Conn) error {
	_, err := io.Copy(io.Discard, c)
	return err
}

// dripping sends the first bytes, and then one after the other for as long as they are taken.
func dripping(first []byte) func(net.Conn) error {
	return func(c net.Conn) error {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		next := first
		for {
			if _, err := c.Write(next); err != nil {
				return nil // the client has given up, as it should
			}
			next = []byte{'x'}
			<-tick.C
		}
	}
}

// mysqlPacket frames a packet.
func mysqlPacket(sequence byte, payload []byte) []byte {
	return append([]byte{byte(len(payload)), byte(len(payload) >> 8), 0, sequence}, payload...)
}

// handshake is what a server says first: protocol 10, and that it has TLS or not.
func handshake(plugin string) []byte {
	const capabilities = 0x0008_0000 | 0x8000 | 0x0200 | 0x01 // plugin authentication, 4.1 passwords, 4.1 protocol, long passwords
	var b bytes.Buffer
	b.WriteString("\x0a10.11.0\x00")
	b.Write([]byte{1, 0, 0, 0})
	b.WriteString("12345678\x00")
	b.Write([]byte{capabilities & 0xff, capabilities >> 8 & 0xff})
	b.Write([]byte{45, 2, 0})
	b.Write([]byte{capabilities >> 16 & 0xff, capabilities >> 24})
	b.WriteByte(21)
	b.Write(make([]byte, 10))
	b.WriteString("123456789012\x00" + plugin + "\x00")
	return mysqlPacket(0, b.Bytes())
}

// greeting is a server without TLS. It tells what it was told when the client has gone.
func greeting(heard chan<- string) func(net.Conn) error {
	return func(c net.Conn) error {
		if _, err := c.Write(handshake("mysql_native_password")); err != nil {
			return err
		}
		told, err := io.ReadAll(c)
		heard <- string(told)
		return err
	}
}

// asking is a server that wants to authenticate with a plugin. It tells what it was told when the client has gone.
func asking(heard chan<- string, plugin string) func(net.Conn) error {
	return func(c net.Conn) error {
		if _, err := c.Write(handshake("mysql_native_password")); err != nil {
			return err
		}
		answer := make([]byte, 4096)
		n, err := c.Read(answer)
		if err != nil {
			return err
		}
		request := append([]byte{0xfe}, plugin+"\x00"...)
		if _, err := c.Write(mysqlPacket(2, append(request, "12345678901234567890\x00"...))); err != nil {
			return err
		}
		told, err := io.ReadAll(c)
		heard <- string(answer[:n]) + string(told)
		return err
	}
}

// forwarded listens on a host and carries each connection to target.
func forwarded(t *testing.T, host, target string) string {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				_ = client.Close()
				continue
			}
			for from, to := range map[net.Conn]net.Conn{client: server, server: client} {
				running.Go(func() {
					_, _ = io.Copy(to, from)
					_ = to.Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return listener.Addr().String()
}
