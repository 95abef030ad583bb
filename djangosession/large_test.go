package djangosession_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
)

// TestLargeSessionsTakeTurns: a few bytes may inflate to a large session, so that only some are inflated at a time. Others do not
// wait for them.
func TestLargeSessionsTakeTurns(t *testing.T) {
	codec := newCodec(t, "5.2")
	encode := func(bytes int) string {
		data, err := codec.Encode(map[string]any{"padding": strings.Repeat("x", bytes)}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	ordinary, large, tooLarge := encode(60<<10), encode(900<<10), encode(djangosession.DefaultMaxBytes)
	leave := codec.EnterLarge()
	if _, err := codec.Decode(ordinary); err != nil {
		t.Errorf("an ordinary session: %v", err)
	}
	got := make(chan error, 1)
	go func() {
		_, err := codec.Decode(large)
		got <- err
	}()
	deadline := time.After(time.Minute)
	for waiting := false; !waiting; {
		select {
		case err := <-got:
			t.Fatalf("a large session has not waited: %v", err)
		case <-deadline:
			t.Fatal("nobody waits")
		default:
		}
		stacks := make([]byte, 1<<20)
		for _, stack := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			waiting = waiting || strings.Contains(stack, "[chan send") && strings.Contains(stack, "(*Codec).decodeSigned")
		}
	}
	leave()
	if err := <-got; err != nil {
		t.Errorf("a large session: %v", err)
	}
	if _, err := codec.Decode(tooLarge); !isUnreadable(err) || errors.Is(err, djangosession.ErrNotFound) {
		t.Errorf("one that is too large: %v", err)
	}
}
