package djangotest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// SmallServer is a server of one test's own that starts in no time and keeps its data in memory: it may be stopped,
// killed and frozen. Its methods are for one goroutine at a time.
type SmallServer struct {
	tb      testing.TB
	account account
	dir     string
	command func() *exec.Cmd
	ready   func(context.Context) error
	process *Process
}

// newSmallServer makes the server's directory; the cleanup stops the server and removes it.
func newSmallServer(tb testing.TB) *SmallServer {
	tb.Helper()
	account, err := serverAccount()
	if err != nil {
		tb.Fatal(err)
	}
	dir, err := account.tempDir()
	if err != nil {
		tb.Fatal(err)
	}
	s := &SmallServer{tb: tb, account: account, dir: dir}
	tb.Cleanup(func() {
		if s.process != nil {
			if err := s.process.Kill(); err != nil {
				tb.Error(err)
			}
			s.process.logIfFailed(tb)
			s.process.discard()
		}
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// Start starts the server, at the same place as before, and waits until it answers.
func (s *SmallServer) Start() {
	s.tb.Helper()
	if s.process != nil {
		s.process.discard()
	}
	cmd := s.command()
	cmd.Dir = s.dir
	s.account.apply(cmd)
	process, err := startProcess(s.tb.Context(), cmd, s.ready)
	if err != nil {
		s.tb.Fatal(err)
	}
	s.process = process
}

// Output is what the server has printed.
func (s *SmallServer) Output() string { return s.process.Output() }

// Stop ends the server as an administrator would.
func (s *SmallServer) Stop() {
	s.tb.Helper()
	if err := s.process.Stop(syscall.SIGTERM); err != nil {
		s.tb.Fatal(err)
	}
}

// Kill ends the server as an out-of-memory killer would.
func (s *SmallServer) Kill() {
	s.tb.Helper()
	if err := s.process.Kill(); err != nil {
		s.tb.Fatal(err)
	}
}

// Pause freezes the server: connections stand, new ones are taken by the kernel, and nothing answers.
func (s *SmallServer) Pause() {
	s.tb.Helper()
	if err := s.process.Pause(); err != nil {
		s.tb.Fatal(err)
	}
}

// Resume ends Pause.
func (s *SmallServer) Resume() { s.process.Resume() }

// path is the path of a file in the server's directory.
func (s *SmallServer) path(name string) string { return filepath.Join(s.dir, name) }

// serverProgram finds a program that a Debian package installs, on PATH or in a directory that is on root's alone.
func serverProgram(tb testing.TB, name, debianPackage string) string {
	tb.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/bin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	tb.Fatalf("no %s on PATH: install it (apt-get install %s)", name, debianPackage)
	return ""
}

// FreeAddr is a loopback address that nobody listens on, and that no outgoing connection takes.
func FreeAddr(tb testing.TB) string {
	tb.Helper()
	return loopback(mustFreePort(tb))
}

func mustFreePort(tb testing.TB) int {
	tb.Helper()
	port, err := freePort()
	if err != nil {
		tb.Fatal(err)
	}
	return port
}
