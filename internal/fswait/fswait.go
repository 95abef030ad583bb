// Package fswait asks a file system, which knows no contexts, and waits no longer than a context lasts.
package fswait

import (
	"context"
	"fmt"
)

// Slots are how many questions a file system is asked at a time. One that does not answer, as an NFS server may, holds a
// thread for each of them, whatever the context says.
type Slots chan struct{}

// New returns slots for as many questions as Django's stores of files are asked here.
func New() Slots {
	const questions = 64
	return make(Slots, questions)
}

// Within asks, and waits for the answer as long as ctx lasts. A file system that does not answer keeps a goroutine and a
// slot until it does.
func Within[T any](ctx context.Context, slots Slots, ask func() (T, error)) (T, error) {
	type result struct {
		answer T
		err    error
	}
	done := make(chan result, 1)
	if err := ctx.Err(); err != nil { // below, either of two that are ready would do
		return result{}.answer, fmt.Errorf("asking the file system: %w", err)
	}
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return result{}.answer, fmt.Errorf("waiting for the file system: %w", ctx.Err())
	}
	go func() {
		defer func() { <-slots }()
		answer, err := ask()
		done <- result{answer, err}
	}()
	select {
	case r := <-done:
		return r.answer, r.err
	case <-ctx.Done():
		return result{}.answer, fmt.Errorf("asking the file system: %w", ctx.Err())
	}
}
