//go:build live

package naming_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"django-sidecar/internal/upload/naming"
)

// TestEntitiesAreDjangos compares all named character references, with and without a semicolon and more text, and the
// numbers that are read in other ways than others.
func TestEntitiesAreDjangos(t *testing.T) {
	t.Parallel()
	var lists [][]string
	askDjango(t, "6.1", [][]any{{"entities"}}, &lists)
	if len(lists[0]) < 2000 {
		t.Fatalf("only %d entities", len(lists[0]))
	}
	var names []string
	for _, name := range lists[0] {
		names = append(names, "a&"+name+"b", "a&"+strings.TrimSuffix(name, ";")+"&b.txt")
	}
	numbers := []int{0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xfdcf, 0xfdd0, 0xfdef, 0xfdf0, 0xfffe, 0xffff, 0x1ffff, 0x10fffe, 0x110000, 1 << 32}
	for n := range 0x120 {
		numbers = append(numbers, n)
	}
	for _, n := range numbers {
		names = append(names, fmt.Sprintf("a&#%d;b", n), fmt.Sprintf("a&#x%X.b", n), fmt.Sprintf("&#X%05xg;", n))
	}
	asked := make([][]any, len(names))
	for i, name := range names {
		asked[i] = []any{"part", []string{latin1(`Content-Disposition: form-data; name=f; filename="` + name + `"`)}}
	}
	eachDjango(t, func(t *testing.T, version string) {
		rules := newRules(t, naming.Config{Version: parseVersion(t, version)})
		var answers []partAnswer
		askDjango(t, version, asked, &answers)
		for i, name := range names {
			got, want := partOf(rules, `form-data; name=f; filename="`+name+`"`, ""), answers[i]
			if !got.equal(want) && !strings.HasPrefix(want.Error, "500: OverflowError") {
				t.Errorf("%q: got %q, want %q", name, got, want)
			}
		}
		t.Logf("%d names", len(names))
	})
}

// lastLetter is where the characters end, but for those that are private and a few that cannot be seen.
const lastLetter = 0x33500

// TestCharactersAreDjangos compares every character, with Pythons of the oldest and newest Unicode and of Go's: is it kept by
// the storage, is it printable, is it white space? Only characters that one of the two Unicodes does not have yet may differ.
func TestCharactersAreDjangos(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1.11", "5.0", "6.1"} {
		t.Run("Django "+version, func(t *testing.T) {
			t.Parallel()
			var answers [][4][]rune
			askDjango(t, version, [][]any{{"characters", 0, lastLetter}}, &answers)
			unassigned := answers[0][3]
			newest := newRules(t, naming.Config{Version: parseVersion(t, "6.1")})
			newer := 0
			for i, question := range []func(*naming.Rules, rune) bool{isKept, isPrintable, isSpace} {
				for r := range rune(lastLetter) {
					_, got := slices.BinarySearch(answers[0][i], r)
					if got == question(newest, r) || unicode.Is(unicode.Cs, r) || r == '/' || r == '\\' {
						continue
					}
					newer++
					_, new := slices.BinarySearch(unassigned, r)
					// Unicode 12 made letters of two marks.
					if !new && !unicode.Is(unicode.Cn, r) && r != 0x1cf2 && r != 0x1cf3 {
						t.Errorf("%U, question %d: Python says %v", r, i, got)
					}
				}
			}
			t.Logf("%d characters, of which %d times one differs with the Unicode", lastLetter, newer)
		})
	}
}

func isKept(rules *naming.Rules, r rune) bool {
	stored, err := rules.Store("a"+string(r)+"a", zeroTime)
	return err == nil && stored != "aa" && stored != "a_a"
}

func isPrintable(rules *naming.Rules, r rune) bool {
	name, _ := rules.Clean("a" + string(r) + "a")
	return name != "aa"
}

func isSpace(rules *naming.Rules, r rune) bool {
	stored, err := rules.Store("a "+string(r), zeroTime)
	return err == nil && stored == "a"
}
