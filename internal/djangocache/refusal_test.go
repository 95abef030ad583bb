package djangocache

import (
	"errors"
	"fmt"
	"testing"
)

// refusal is what a Redis answers in place of a value.
type refusal string

func (r refusal) Error() string { return string(r) }

// RedisError implements redis.Error.
func (refusal) RedisError() {}

// TestRefusalsHaveNoKey: a server that does not know a command repeats its arguments.
func TestRefusalsHaveNoKey(t *testing.T) {
	t.Parallel()
	const key = ":1:django.contrib.sessions.cacheabc"
	for text, want := range map[string]string{
		"ERR unknown command 'WATCH', with args beginning with: '" + key + "' ":                  "ERR unknown command 'WATCH'",
		"ERR unknown command `SET`, with args beginning with: `" + key[:20] + "`, `\x80\x02}`, ": "ERR unknown command `SET`",
		"ERR unknown command 'PTTL' with args: " + key:                                           "ERR unknown command 'PTTL'",
		"ERR no right to " + key:                                "ERR",
		"READONLY You can't write against a read only replica.": "READONLY You can't write against a read only replica.",
	} {
		if got := withoutArguments(fmt.Errorf("%w", refusal(text)), key); got.Error() != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if err := errors.New("dial tcp: with args"); !errors.Is(withoutArguments(err, key), err) {
		t.Error("an error of the network has changed")
	}
}
