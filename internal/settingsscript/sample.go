package settingsscript

import (
	_ "embed"
	"fmt"
)

// MaxSample is how many sessions a sample has at most.
const MaxSample = 10_000

//go:embed sample.py
var sample string

// Sample returns the program that records, in a directory ("" is where it runs, and "-" stdout), what Django says of so many sessions. It is one statement, so that each shell
// of Python runs it, whether it reads a whole file or a line at a time, and it defines nothing in the shell.
func Sample(sessions int, directory string) string {
	return fmt.Sprintf("exec(r'''\n%s''', {\"__name__\": \"django-sidecar sample\", \"SIZE\": %d, \"DIRECTORY\": %s})\n", sample, sessions, quote(directory))
}
