package observe

import (
	"io"
	"sync"
)

// Lines writes lines to w behind the back of those who have them, so that no answer waits for a log: what comes together is
// one write. Close writes what is left.
type Lines struct {
	w    io.Writer
	most int // bytes that may wait

	mu      sync.Mutex
	changed sync.Cond // there is more to write, or more room, or nothing more will come
	waiting []byte
	closed  bool
	dropped uint64

	done chan struct{} // closed when the last line is written
}

// NewLines returns Lines that hold at most so many bytes for a writer that is slow.
func NewLines(w io.Writer, most int) *Lines {
	l := &Lines{w: w, most: most, done: make(chan struct{})}
	l.changed.L = &l.mu
	go l.write()
	return l
}

// Write implements io.Writer for lines that must not be lost: where there is no room, it waits.
func (l *Lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.closed && len(l.waiting) > 0 && len(l.waiting)+len(line) > l.most {
		l.changed.Wait()
	}
	if l.closed {
		l.mu.Unlock()
		<-l.done
		l.mu.Lock()
		return l.w.Write(line)
	}
	l.add(line)
	return len(line), nil
}

// Offer is Write for lines of which there are many: where there is no room, the line is dropped, and counted.
func (l *Lines) Offer(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.waiting)+len(line) > l.most {
		l.dropped++
		return
	}
	l.add(line)
}

func (l *Lines) add(line []byte) {
	l.waiting = append(l.waiting, line...)
	if len(l.waiting) == len(line) {
		l.changed.Broadcast() // it was empty, so that nobody writes
	}
}

// Dropped counts the lines that were dropped.
func (l *Lines) Dropped() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}

// Close waits until what waits is written. What comes after it is written at once.
func (l *Lines) Close() {
	l.mu.Lock()
	l.closed = true
	l.changed.Broadcast()
	l.mu.Unlock()
	<-l.done
}

// write writes what waits, until nothing more will come.
func (l *Lines) write() {
	defer close(l.done)
	var writing []byte
	for {
		l.mu.Lock()
		for len(l.waiting) == 0 && !l.closed {
			l.changed.Wait()
		}
		writing, l.waiting = l.waiting, writing[:0]
		l.changed.Broadcast() // there is room
		l.mu.Unlock()
		if len(writing) == 0 {
			return
		}
		_, _ = l.w.Write(writing) // there is nowhere to say that the log cannot be written
	}
}
