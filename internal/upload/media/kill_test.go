package media_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"django-sidecar/internal/upload/media"
)

func init() { roles["publisher"] = publisher }

// job is what the state of a part says: how to go on with it, and the name that was tried last.
type job struct {
	Seed uint64
	Size int
	Name string
	// Synced is how many bytes of a part are on the disk.
	Synced int64
}

// publisher publishes files until it is killed. A line says what was published as what.
func publisher() error {
	d, err := media.Open(media.Config{Root: os.Args[1], StateDir: os.Args[2], Version: django52, FilePermissions: permissions(0o644)})
	if err != nil {
		return err
	}
	d.Force(os.Args[3])
	var wait sync.WaitGroup
	failed := make(chan error)
	for range 4 {
		wait.Go(func() {
			for {
				if err := publishOne(d, report); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	return <-failed
}

// publishOne publishes an upload at random, half of them as a part, and reports it.
func publishOne(d *media.Dir, report func(seed uint64, name string) error) error {
	j := job{Seed: rand.Uint64(), Size: frame + rand.IntN(200_000)}
	if rand.IntN(20) == 0 {
		j.Size += media.AllocateFrom
	}
	if rand.IntN(2) == 0 {
		return publishPart(d, j, report)
	}
	f, err := d.Create([]int64{-1, int64(j.Size)}[rand.IntN(2)])
	if err != nil {
		return err
	}
	defer func() { _ = f.Discard() }()
	if err := write(f, j, j.Size); err != nil {
		return err
	}
	name, err := f.Publish(func() (string, error) { return randomName(), nil })
	if err != nil {
		return err
	}
	return report(j.Seed, name)
}

// publishPart keeps to the order that the package's documentation demands.
func publishPart(d *media.Dir, j job, report func(seed uint64, name string) error) error {
	id := fmt.Sprintf("%016x%016x", j.Seed, rand.Uint64())
	p, err := d.CreatePart(id, []int64{-1, int64(j.Size)}[rand.IntN(2)])
	if err != nil {
		return err
	}
	defer func() { _ = p.Close() }()
	if err := save(d, id, j); err != nil {
		return err
	}
	if err := write(p, j, rand.IntN(j.Size)); err != nil {
		return err
	}
	if err := p.Sync(); err != nil {
		return err
	}
	j.Synced = p.Size()
	if err := save(d, id, j); err != nil {
		return err
	}
	if err := write(p, j, j.Size); err != nil {
		return err
	}
	name, err := p.Publish(func() (string, error) {
		j.Name = randomName()
		return j.Name, save(d, id, j)
	})
	if err != nil {
		return err
	}
	if err := report(j.Seed, name); err != nil {
		return err
	}
	return d.Remove(id)
}

func save(d *media.Dir, id string, j job) error {
	document, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return d.SaveState(id, document)
}

// write writes what is missing up to a size, in pieces.
func write(f *media.PendingFile, j job, size int) error {
	for rest := content(j.Seed, j.Size)[f.Size():size]; len(rest) > 0; {
		n := min(len(rest), 1+rand.IntN(100_000))
		if _, err := f.Write(rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// randomName is taken already every now and then, and so is its directory.
func randomName() string {
	return fmt.Sprintf("up/%d/%d/f%d.bin", rand.IntN(20), rand.IntN(20), rand.IntN(20))
}

func report(seed uint64, name string) error {
	_, err := fmt.Printf("%d %s\n", seed, name)
	return err
}

// TestKilled: however often, and at whatever instant, publishers are killed, what is under MEDIA_ROOT is whole and stays
// as it was, what was reported is there, and what was resumed is there once.
func TestKilled(t *testing.T) {
	const kills = 50 // for each way to give a file its name
	eachLinker(t, media.Config{FilePermissions: permissions(0o644)}, func(t *testing.T, f *fixture) {
		reported := map[string]uint64{}
		var found outcomes
		for range kills {
			killOne(t, f, reported)
			found.add(restart(t, f, false, reported))
			if t.Failed() {
				return
			}
		}
		files := verify(t, f.root, reported)
		t.Logf("%d kills, %d files, of which %d were reported, %+v", kills, files, len(reported), found)
		f.expectClean(t)
	})
}

// killOne starts a publisher and kills it up to 25 ms after its first file.
func killOne(t *testing.T, f *fixture, reported map[string]uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], f.root, f.state, f.Linker())
	cmd.Env = append(os.Environ(), roles.As("publisher"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err = errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for first := true; lines.Scan(); first = false {
		if first {
			timer := time.AfterFunc(time.Duration(rand.IntN(25_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
		}
		var seed uint64
		var name string
		if n, _ := fmt.Sscan(lines.Text(), &seed, &name); n != 2 || !strings.HasSuffix(name, ".bin") {
			continue // half a line
		}
		if _, twice := reported[name]; twice {
			t.Errorf("%s was published twice", name)
		}
		reported[name] = seed
	}
	err = cmd.Wait()
	if status := new(exec.ExitError); !errors.As(err, &status) || status.Exited() {
		t.Fatalf("it ended by itself: %v", err)
	}
}

// outcomes count in what state uploads were found.
type outcomes struct{ givenUp, unfinished, twoNames, stateOnly, swept int }

func (o *outcomes) add(p outcomes) {
	o.givenUp += p.givenUp
	o.unfinished += p.unfinished
	o.twoNames += p.twoNames
	o.stateOnly += p.stateOnly
	o.swept += p.swept
}

// restart does what a process does that starts anew: it resumes the parts, and sweeps the rest.
func restart(t *testing.T, f *fixture, powerCut bool, reported map[string]uint64) (found outcomes) {
	t.Helper()
	entries, err := f.Entries()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.HasState { // given up before it began
			found.givenUp++
			if err := f.Remove(e.ID); err != nil || e.Published {
				t.Errorf("%v: %v", e, err)
			}
			continue
		}
		document, err := f.LoadState(e.ID)
		var j job
		if err = errors.Join(err, json.Unmarshal(document, &j)); err != nil {
			t.Fatal(err)
		}
		if e.HasPart && !e.Published {
			synced := j.Synced
			if !powerCut { // nothing is lost then
				synced = -1
			}
			p, err := f.OpenPart(e.ID, synced, int64(j.Size))
			if err != nil {
				t.Fatal(err)
			}
			resume(t, p, j)
			found.unfinished++
			if j.Name, err = p.Publish(names(t, "up/resumed/"+e.ID+".bin")); err != nil {
				t.Fatal(err)
			}
		} else if e.HasPart {
			found.twoNames++
			if ok, err := f.Published(e.ID, j.Name); !ok || err != nil {
				t.Errorf("the last name is not that of the part: %t, %v", ok, err)
			}
		} else {
			found.stateOnly++
		}
		if seed, ok := reported[j.Name]; ok && seed != j.Seed {
			t.Errorf("%s is another file", j.Name)
		}
		reported[j.Name] = j.Seed
		if err := f.Remove(e.ID); err != nil {
			t.Fatal(err)
		}
	}
	if found.swept, err = f.Sweep(); err != nil {
		t.Fatal(err)
	}
	f.expectClean(t)
	return found
}

// resume checks what a part has, and writes the rest.
func resume(t *testing.T, p *media.PendingFile, j job) {
	t.Helper()
	has := make([]byte, p.Size())
	if _, err := p.ReadAt(has, 0); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(content(j.Seed, j.Size)), string(has)) {
		t.Errorf("a part has %d bytes that are not its own", len(has))
	}
	if err := write(p, j, j.Size); err != nil {
		t.Fatal(err)
	}
}

// verify reads every file, and returns how many there are.
func verify(t *testing.T, root string, reported map[string]uint64) int {
	t.Helper()
	seeds := map[uint64]string{}
	for name, text := range tree(t, root) {
		if text == "d" {
			continue
		}
		seed, ok := whole([]byte(text))
		if !ok || !strings.HasSuffix(name, ".bin") {
			t.Errorf("%s is not whole: %d bytes", name, len(text))
		}
		if other, twice := seeds[seed]; twice {
			t.Errorf("%s and %s are the same upload", name, other)
		}
		seeds[seed] = name
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || info.Mode() != 0o644 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	for name, seed := range reported {
		if seeds[seed] != name {
			t.Errorf("%s was published, and its upload is now %q", name, seeds[seed])
		}
	}
	return len(seeds)
}
