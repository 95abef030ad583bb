package pages_test

import (
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	widestLine  = 120 // columns; a tab takes four
	wideOfLines = 200 // one line of so many may be wider: a URL, a regular expression, SQL as PostgreSQL keeps it
)

// TestLinesAreShort: the lines of the program fit a screen beside another.
func TestLinesAreShort(t *testing.T) {
	var wide []string
	lines := 0
	for file := range readTree(t).files {
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			continue
		}
		for line := range strings.Lines(readFile(t, file)) {
			lines++
			line = strings.TrimSuffix(line, "\n")
			if utf8.RuneCountInString(line)+3*strings.Count(line, "\t") > widestLine {
				wide = append(wide, file+": "+strings.TrimSpace(line))
			}
		}
	}
	if len(wide)*wideOfLines > lines {
		t.Errorf("%d of %d lines are wider than %d columns, more than one in %d:\n%s",
			len(wide), lines, widestLine, wideOfLines, strings.Join(wide, "\n"))
	}
}
