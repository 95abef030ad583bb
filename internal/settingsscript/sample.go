package settingsscript

import (
	_ "embed"
	"fmt"
)

// MaxSample is how many sessions a sample has at most.
const MaxSample = 10_000

//go:embed sample.py
var sample string

// Sample returns the program that records what Django says of so many sessions, in a file of the directory: "" is where
// it runs, and "-" is stdout. Like that of Program, it is one statement.
func Sample(sessions int, directory string) string {
	const program = "exec(r'''\n%s''', {\"__name__\": \"django-sidecar sample\", \"SIZE\": %d, \"DIRECTORY\": %s})\n"
	return fmt.Sprintf(program, sample, sessions, quote(directory))
}
