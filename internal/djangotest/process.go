package djangotest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	startTimeout = 2 * time.Minute       // a busy machine starts servers slowly
	stopTimeout  = 60 * time.Second      // past it a process is killed, and that is an error
	pollInterval = 20 * time.Millisecond // between two questions whether something has happened yet
	outputBytes  = 16 << 10              // how much of a process's output a failing test prints
)

// Process is a child process in a process group of its own.
type Process struct {
	cmd    *exec.Cmd
	output *os.File      // what it wrote; a file without a name, so that it vanishes with us
	exited chan struct{} // closed when the process has ended and been reaped
	paused []int         // process ids stopped by Pause
}

// StartProcess starts cmd and polls ready until it returns nil; a process that ends first, or is not ready within two
// minutes or when ctx ends, fails the test. The cleanup stops it (SIGTERM), and prints its output if the test failed.
// Stdout and Stderr are kept for that unless the caller has set them.
func StartProcess(ctx context.Context, tb testing.TB, cmd *exec.Cmd, ready func(context.Context) error) *Process {
	tb.Helper()
	p, err := startProcess(ctx, cmd, ready)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { //nolint:contextcheck // the test's context ends before its cleanup
		if err := p.Stop(syscall.SIGTERM); err != nil {
			tb.Error(err)
		}
		p.logIfFailed(tb)
		p.discard()
	})
	return p
}

func startProcess(ctx context.Context, cmd *exec.Cmd, ready func(context.Context) error) (*Process, error) {
	output, err := os.CreateTemp("", "djangotest-output-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(output.Name()); err != nil {
		return nil, errors.Join(err, output.Close())
	}
	if cmd.Stdout == nil {
		cmd.Stdout = output
	}
	if cmd.Stderr == nil {
		cmd.Stderr = output
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	dieWithParent(cmd.SysProcAttr)

	p := &Process{cmd: cmd, output: output, exited: make(chan struct{})}
	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		p.discard()
		return nil, err
	}
	if err := p.waitReady(ctx, ready); err != nil {
		err = fmt.Errorf("%w; its output:\n%s", err, p.Output())
		err = errors.Join(err, p.Kill()) //nolint:contextcheck // whose end may be the reason
		p.discard()
		return nil, err
	}
	return p, nil
}

// run holds its operating system thread while the process lives: the kernel takes the end of the thread that started a
// process for the end of its parent (see dieWithParent).
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.exited)
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	_ = p.cmd.Wait()                                      // how it ended stands in ProcessState
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // what it left behind in its group
}

// dieWithParent lets the kernel end the process when the test binary dies without cleaning up, as it does after a
// panic or past -timeout. The field exists on Linux alone, hence the reflection: elsewhere such a process stays.
func dieWithParent(attr *syscall.SysProcAttr) {
	// SIGQUIT is the quick stop of PostgreSQL and of pgbouncer, and ends every process that does not handle it.
	if field := reflect.ValueOf(attr).Elem().FieldByName("Pdeathsig"); field.IsValid() {
		field.SetInt(int64(syscall.SIGQUIT))
	}
}

func (p *Process) waitReady(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := ready(ctx)
		select {
		case <-p.exited: // asked first: some other process may have answered in its place
			return fmt.Errorf("%s ended before it was ready (%v)", p.name(), p.cmd.ProcessState)
		default:
		}
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s did not get ready: %w", p.name(), errors.Join(ctx.Err(), err))
		}
	}
}

func (p *Process) name() string { return filepath.Base(p.cmd.Path) }

// Pid returns the id of the process, which is that of its group too.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Exited returns a channel that is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// ExitCode waits until the process has ended, and returns its exit code, -1 if a signal has ended it.
func (p *Process) ExitCode() int {
	<-p.exited
	return p.cmd.ProcessState.ExitCode()
}

// Output returns the last 16 KiB that the process wrote.
func (p *Process) Output() string {
	info, err := p.output.Stat()
	if err != nil {
		return err.Error()
	}
	from := max(0, info.Size()-outputBytes)
	text, err := io.ReadAll(io.NewSectionReader(p.output, from, outputBytes))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (p *Process) logIfFailed(tb testing.TB) {
	tb.Helper()
	if output := p.Output(); tb.Failed() && output != "" {
		tb.Logf("output of %s:\n%s", p.name(), output)
	}
}

// discard gives the output up, after the last use of the process.
func (p *Process) discard() { _ = p.output.Close() }

// Signal sends sig to the process itself; one that has ended is not an error.
func (p *Process) Signal(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %v to %s: %w", sig, p.name(), err)
	}
	return nil
}

// Stop sends sig and waits for the end. A process that is still there after a minute is killed, and that is an error.
func (p *Process) Stop(sig syscall.Signal) error {
	p.Resume() // a stopped process does not hear its signals
	if err := p.Signal(sig); err != nil {
		return err
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("%s did not stop on %v", p.name(), sig), p.Kill())
	}
}

// Pause freezes the process and all that descend from it, as a hung machine would.
func (p *Process) Pause() error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	p.paused = append(p.paused, p.Pid())
	// A child may start another one between the look and its signal: look until there is no new one.
	for {
		children, err := p.descendants()
		if err != nil {
			return err
		}
		children = slices.DeleteFunc(children, func(pid int) bool { return slices.Contains(p.paused, pid) })
		if len(children) == 0 {
			return nil
		}
		for _, pid := range children {
			_ = syscall.Kill(pid, syscall.SIGSTOP) // it may have ended meanwhile
		}
		p.paused = append(p.paused, children...)
	}
}

// Resume thaws what Pause froze.
func (p *Process) Resume() {
	for _, pid := range p.paused {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
	p.paused = nil
}

// Kill ends the process and all that descend from it without a chance to clean up, as an out-of-memory killer would.
func (p *Process) Kill() error {
	// PostgreSQL gives each backend a group of its own, so that a signal to the group would spare them; and a frozen
	// parent neither replaces a child nor reaps it, which keeps the ids valid.
	err := p.Pause()
	for _, pid := range p.paused {
		if pid != p.Pid() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if err == nil {
		err = poll(stopTimeout, func() (bool, error) {
			left, err := p.descendants()
			return len(left) == 0, err
		})
	}
	p.paused = nil
	err = errors.Join(err, p.Signal(syscall.SIGKILL))
	<-p.exited
	return err
}

// descendants returns the ids of the living children of the process, their children, and so on.
func (p *Process) descendants() ([]int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	table, err := exec.CommandContext(ctx, "ps", "-A", "-o", "pid=,ppid=,stat=").Output()
	if err != nil {
		return nil, fmt.Errorf("ps (install procps): %w", err)
	}
	children := map[int][]int{}
	for line := range strings.Lines(string(table)) {
		var pid, parent int
		var state string
		if _, err := fmt.Sscan(line, &pid, &parent, &state); err != nil {
			return nil, fmt.Errorf("ps answered %q: %w", line, err)
		}
		if !strings.HasPrefix(state, "Z") {
			children[parent] = append(children[parent], pid)
		}
	}
	found := slices.Clone(children[p.Pid()])
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i]]...)
	}
	return found, nil
}

// poll asks until done is true; past the timeout, or on the first error, it returns an error.
func poll(timeout time.Duration, done func() (bool, error)) error {
	deadline := time.After(timeout)
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("did not happen within %v", timeout)
		}
	}
}

// account is the user that servers run as: ourselves, or under root, which they refuse, one without privileges.
type account struct {
	uid, gid int
	switchTo bool // we are root, and give up its rights
}

func serverAccount() (account, error) {
	if os.Getuid() != 0 {
		return account{uid: os.Getuid(), gid: os.Getgid()}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(found.Uid)
		gid, gidErr := strconv.Atoi(found.Gid)
		return account{uid: uid, gid: gid, switchTo: true}, errors.Join(uidErr, gidErr)
	}
	return account{}, errors.New("servers refuse to run as root, and there is neither a user postgres nor " +
		"a user nobody")
}

// apply makes cmd run as the account.
func (a account) apply(cmd *exec.Cmd) {
	if !a.switchTo {
		return
	}
	ids := &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: ids}
}

// tempDir makes a directory that belongs to the account. Its path is short: a unix socket's has room for some 100
// bytes, which a test's own TempDir, named after the test, can exceed.
func (a account) tempDir() (string, error) {
	dir, err := os.MkdirTemp("", "djangotest-")
	if err != nil {
		return "", err
	}
	if err := os.Chown(dir, a.uid, a.gid); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}

// writeFile writes a file that only the account may read.
func (a account) writeFile(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Chown(path, a.uid, a.gid)
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func listen(ctx context.Context, addr string) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
}
