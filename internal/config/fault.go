package config

import (
	"strconv"
	"strings"
)

// These bound what a fault quotes, in characters: of a value, and of a path, which helps only as a whole.
const (
	quotedValue = 60
	quotedPath  = 255
)

// Fault is one thing that is wrong with the environment.
type Fault struct {
	Name    string // the variable at fault
	Problem string // what is wrong, continuing a sentence that begins with Name; it quotes no secret
	Example string // an assignment that would be right
}

// String is the fault as one line.
func (f Fault) String() string {
	return f.Name + " " + f.Problem + " (example: " + f.Example + ")"
}

// Error holds every fault of an environment, so that one attempt is enough to find them all.
type Error struct {
	Faults []Fault // at least one
}

// Error is every fault, one a line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// quote shows a value that is not secret, on one line and of bounded length.
func quote(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		text = string(runes[:limit]) + "…"
	}
	return strconv.Quote(text)
}
