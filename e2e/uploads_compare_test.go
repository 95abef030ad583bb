//go:build live

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// uploadTally counts what became of requests.
type uploadTally struct {
	stored, files, renamed, refused int
	departures                      map[string]int
	sabotaged                       []int // how often the comparison has found each sabotage
}

// suffix matches what Django adds to a name that is taken, or too long.
var suffix = regexp.MustCompile(`_[A-Za-z0-9]{7}(\.|$)`)

// sameStored compares two files; of random letters it compares where they are.
func sameStored(a, b storedFile) bool {
	return a.Field == b.Field && a.OriginalName == b.OriginalName && a.Size == b.Size && a.ContentType == b.ContentType && a.SHA256 == b.SHA256 &&
		slices.Equal(a.Modes, b.Modes) && len(a.Name) == len(b.Name) &&
		suffix.ReplaceAllString(a.Name, "_RRRRRRR$1") == suffix.ReplaceAllString(b.Name, "_RRRRRRR$1")
}

// sameAnswer: both refuse, or both store the same files.
func sameAnswer(a, b formAnswer) bool {
	if a.refused() || b.refused() {
		return a.refused() && b.refused()
	}
	return slices.EqualFunc(a.Files, b.Files, sameStored)
}

func (c *uploadTally) add(p *uploadPair, asked formCase, ours, theirs formAnswer) {
	p.t.Helper()
	switch ours.Status {
	case http.StatusCreated, http.StatusBadRequest, http.StatusRequestEntityTooLarge:
	default:
		p.t.Errorf("%.700q: status %d", asked.body, ours.Status)
	}
	if !sameAnswer(ours, theirs) {
		why := uploadDeparture(p.version, asked, ours, theirs)
		if why == "" {
			p.t.Errorf("%s, %v, %.900q:\n got %+v\nwant %+v", asked.contentType, asked.traits, asked.body, ours, theirs)
		}
		c.departures[why]++
		return
	}
	if ours.refused() {
		c.refused++
	} else {
		c.stored++
	}
	for _, f := range ours.Files {
		c.files++
		if suffix.MatchString(f.Name) {
			c.renamed++
		}
	}
	for i, sabotage := range uploadSabotage {
		wrong := formAnswer{Status: ours.Status, Files: slices.Clone(ours.Files), Message: ours.Message}
		sabotage(&wrong)
		if !sameAnswer(wrong, theirs) && uploadDeparture(p.version, asked, wrong, theirs) == "" {
			c.sabotaged[i]++
		}
	}
}

func (c *uploadTally) report(t *testing.T, asked int) {
	t.Helper()
	t.Logf("%d requests: %d stored alike (%d files, %d with random letters), %d refused alike; departures: %v; wrong answers found: %v",
		asked, c.stored, c.files, c.renamed, c.refused, c.departures, c.sabotaged)
	if c.stored < asked/3 || c.refused < asked/20 || c.renamed < asked/40 || slices.Min(c.sabotaged) < c.stored/3 {
		t.Error("that compares little")
	}
}

// uploadSabotage makes wrong answers of right ones. The comparison must find them.
var uploadSabotage = []func(*formAnswer){
	func(a *formAnswer) { // what was stored is refused, and what was refused is stored
		if a.refused() {
			*a = formAnswer{Status: http.StatusCreated, Files: []storedFile{{Field: "file", Name: "wrong"}}}
		} else {
			*a = formAnswer{Status: http.StatusBadRequest}
		}
	},
	onFirstFile(func(f *storedFile) { f.Name = f.Name[:len(f.Name)-1] + "\u00e9" }),
	onFirstFile(func(f *storedFile) { f.Name = suffix.ReplaceAllString(f.Name+".", "_2$1") }),
	onFirstFile(func(f *storedFile) { f.OriginalName += " " }),
	onFirstFile(func(f *storedFile) { f.Field += "s" }),
	onFirstFile(func(f *storedFile) { f.Size++ }),
	onFirstFile(func(f *storedFile) { f.SHA256 = strings.Repeat("0", 64) }),
	onFirstFile(func(f *storedFile) { f.ContentType += "; charset=utf-8" }),
	onFirstFile(func(f *storedFile) { f.Modes = append([]int{f.Modes[0] ^ 0o004}, f.Modes[1:]...) }),
	onFirstFile(func(f *storedFile) { f.Modes = append(slices.Clone(f.Modes), 0o777) }),
	func(a *formAnswer) { // a file is missing, and counts as missing where it was the only one
		if len(a.Files) > 0 {
			a.Files = a.Files[1:]
		}
	},
}

func onFirstFile(change func(*storedFile)) func(*formAnswer) {
	return func(a *formAnswer) {
		if len(a.Files) > 0 {
			change(&a.Files[0])
		}
	}
}

// uploadDeparture says which line of docs/divergences.md lets the two differ, "" if none does.
func uploadDeparture(version string, c formCase, ours, theirs formAnswer) string {
	switch {
	case ours.refused():
		return strictDeparture(version, c, ours, theirs)
	case theirs.refused():
		return laxDeparture(version, c, theirs)
	}
	return storedDeparture(version, c, ours, theirs)
}

// strictDeparture: refused here, stored by Django.
func strictDeparture(version string, c formCase, ours, theirs formAnswer) string {
	if ours.Status != http.StatusBadRequest {
		return ""
	}
	older := version == "1.11" || version == "3.0"
	before32 := slices.Contains([]string{"1.11", "2.2", "3.0", "3.1"}, version)
	switch {
	case before32 && (ours.Message == "The form has too many files." || ours.Message == "The form has too many fields."):
		return "numbers of files and fields, up to 3.1"
	case c.traits["not closed"]:
		return "no closing boundary"
	case c.traits["white space"]:
		return "white space around a header's name"
	case c.traits["not base64"]:
		return "base64 that is not"
	case c.traits["long header"] && slices.Contains([]string{"1.11", "2.2", "3.0", "3.1", "3.2", "4.0", "4.1", "4.2", "5.0"}, version):
		return "a part's long header, up to 5.0"
	case older && ours.Message == "The file's name cannot be used." && slices.ContainsFunc(theirs.Files, inPlaceOfDirectory):
		return "nothing is left of the name"
	case ours.Message == "There is no file in the request." && len(slices.DeleteFunc(slices.Clone(theirs.Files), c.outside)) == 0:
		return "files before or after the form"
	}
	return ""
}

// inPlaceOfDirectory: of the name nothing was left, so that the file has the name of the upload directory, and random letters.
func inPlaceOfDirectory(f storedFile) bool {
	return !strings.ContainsFunc(f.OriginalName, inName)
}

// laxDeparture: stored here, refused by Django.
func laxDeparture(version string, c formCase, theirs formAnswer) string {
	failed := theirs.Status == http.StatusInternalServerError
	switch {
	case c.traits["capital type"] && (theirs.Status == http.StatusBadRequest || len(theirs.Files) == 0):
		return "Multipart/Form-Data"
	case c.traits["unknown charset"] && failed && version < "5.2", c.traits["star and continuation"] && failed,
		(c.traits["huge character"] || c.traits["no name before 2.2"]) && failed && version < "2.2":
		return "headers on which Django fails"
	case c.traits["not base64"] && theirs.Status == 0:
		return "base64 that Django does not come to the end of"
	case (c.traits["preamble"] || c.traits["epilogue"]) && theirs.Status == http.StatusBadRequest && c.parts >= uploadDeployments[1].parts():
		return "what is before or after the form counts"
	case c.traits["passed over"] && slices.ContainsFunc(c.contents, func(content string) bool { return len(content) > 60<<10 }):
		return "a long part that is passed over"
	}
	return ""
}

// outside: the generator has put this file before or after the form.
func (c formCase) outside(f storedFile) bool {
	return c.traits["preamble"] && f.Field == "p" && f.OriginalName == "p.txt" || c.traits["epilogue"] && f.Field == "e" && f.OriginalName == "e.txt"
}

// storedDeparture: both have stored files, and not the same. A request may have several reasons.
func storedDeparture(version string, c formCase, ours, theirs formAnswer) string {
	var reasons []string
	inside := slices.DeleteFunc(slices.Clone(theirs.Files), c.outside)
	if len(inside) < len(theirs.Files) {
		reasons = append(reasons, "files before or after the form")
	}
	alike := func(a, b storedFile) bool {
		if c.traits["boundary in a line"] && b.Size == 3 && a.SHA256 != b.SHA256 && c.cut(a, b) {
			a.Size, a.SHA256 = b.Size, b.SHA256
			reasons = append(reasons, "a boundary in the middle of a line")
		}
		if c.traits["not UTF-8"] && version < "4.2" && a.ContentType != b.ContentType {
			a.ContentType = b.ContentType
			reasons = append(reasons, "types that are not UTF-8, up to 4.1")
		}
		if c.traits["lone surrogate"] && version < "2.2" && a.OriginalName != b.OriginalName {
			a.OriginalName, b.OriginalName = strings.ReplaceAll(a.OriginalName, "\ufffd", ""), strings.ReplaceAll(b.OriginalName, "\ufffd", "")
			reasons = append(reasons, "a lone surrogate")
		}
		return sameStored(a, b)
	}
	if !slices.EqualFunc(ours.Files, inside, alike) {
		return ""
	}
	slices.Sort(reasons)
	return strings.Join(slices.Compact(reasons), ", ")
}

// cut: the first is a file as it was sent, and the second what Django makes of it, up to the boundary within a line.
func (c formCase) cut(whole, part storedFile) bool {
	return slices.ContainsFunc(c.contents, func(content string) bool {
		return whole.SHA256 == sumOf(content) && int(part.Size) <= len(content) && part.SHA256 == sumOf(content[:part.Size])
	})
}

func sumOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}
