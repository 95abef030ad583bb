package observe

import (
	"io"
	"sync"
	"time"
)

// AsyncWriter writes lines to w in the background, in batches of up to 20 ms, so that no answer waits for a log. Close
// writes what is left.
type AsyncWriter struct {
	w    io.Writer
	most int // bytes that may wait

	mu      sync.Mutex
	room    sync.Cond // there is more of it
	waiting []byte
	closed  bool
	dropped uint64

	some chan struct{} // has one when lines wait, and nobody has seen to them
	much chan struct{} // has one when so many wait that they are written at once
	done chan struct{} // closed when the last line is written
}

const (
	// linesPause is how long lines wait for others, and linesMuch how many bytes do not.
	linesPause = 20 * time.Millisecond
	linesMuch  = 128 << 10
)

// NewAsyncWriter returns an AsyncWriter that holds at most so many bytes for a writer that is slow.
func NewAsyncWriter(w io.Writer, most int) *AsyncWriter {
	l := &AsyncWriter{
		w: w, most: most, some: make(chan struct{}, 1), much: make(chan struct{}, 1),
		done: make(chan struct{}),
	}
	l.room.L = &l.mu
	go l.write()
	return l
}

// Write implements io.Writer for lines that must not be lost: where there is no room, it waits.
func (l *AsyncWriter) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.closed && len(l.waiting) > 0 && len(l.waiting)+len(line) > l.most {
		signal(l.much)
		l.room.Wait()
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
func (l *AsyncWriter) Offer(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.waiting)+len(line) > l.most {
		l.dropped++
		return
	}
	l.add(line)
}

func (l *AsyncWriter) add(line []byte) {
	if len(l.waiting) == 0 {
		signal(l.some)
	}
	l.waiting = append(l.waiting, line...)
	if len(l.waiting) >= linesMuch {
		signal(l.much)
	}
}

// signal puts one into c, if there is none.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Dropped counts the lines that were dropped.
func (l *AsyncWriter) Dropped() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}

// Close waits until what waits is written. What comes after it is written at once.
func (l *AsyncWriter) Close() {
	l.mu.Lock()
	l.closed = true
	signal(l.some)
	signal(l.much)
	l.room.Broadcast()
	l.mu.Unlock()
	<-l.done
}

// write writes what waits, until nothing more will come.
func (l *AsyncWriter) write() {
	defer close(l.done)
	pause := time.NewTimer(linesPause)
	var writing []byte
	for closed := false; !closed; {
		<-l.some
		pause.Reset(linesPause)
		select {
		case <-pause.C:
		case <-l.much:
		}
		l.mu.Lock()
		writing, l.waiting, closed = l.waiting, writing[:0], l.closed
		l.room.Broadcast()
		l.mu.Unlock()
		if len(writing) > 0 {
			_, _ = l.w.Write(writing) // there is nowhere to say that the log cannot be written
		}
	}
}
