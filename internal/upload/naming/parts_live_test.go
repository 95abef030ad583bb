//go:build live

package naming_test

import (
	"slices"
	"strings"
	"testing"

	"django-sidecar/internal/upload/naming"
)

// partAnswer is what MultiPartParser made of a request with one part.
type partAnswer struct {
	Fields []string    `json:"fields"`
	Files  [][3]string `json:"files"` // the field, the name, the content type
	Error  string      `json:"error"`
}

func (a partAnswer) equal(b partAnswer) bool {
	return slices.Equal(a.Fields, b.Fields) && slices.Equal(a.Files, b.Files)
}

// partOf is what is made of the part here.
func partOf(rules *naming.Rules, disposition, contentType string) partAnswer {
	d := rules.Disposition([]byte(disposition))
	switch d.ItemType {
	case naming.Field:
		return partAnswer{Fields: []string{d.Name}}
	case naming.File:
		if name, ok := rules.Clean(d.Filename); ok {
			return partAnswer{Files: [][3]string{{d.Name, name, rules.MainValue([]byte(contentType))}}}
		}
	case naming.Dropped:
	}
	return partAnswer{}
}

// TestPartsAreDjangos compares what becomes of a part's header lines with what MultiPartParser makes of a request: is it a
// file or a field, and what are their names?
func TestPartsAreDjangos(t *testing.T) {
	t.Parallel()
	r := random(t)
	headers := make([][2]string, *questions)
	asked := make([][]any, *questions)
	for i := range headers {
		headers[i] = [2]string{randomDisposition(r), randomContentType(r)}
		asked[i] = []any{"part", []string{latin1("Content-Disposition:" + headers[i][0]), latin1("Content-Type:" + headers[i][1])}}
	}
	eachDjango(t, func(t *testing.T, version string) {
		rules := newRules(t, naming.Config{Version: parseVersion(t, version)})
		var answers []partAnswer
		askDjango(t, version, asked, &answers)
		files, fields, failures := 0, 0, 0
		for i, h := range headers {
			got, want := partOf(rules, h[0], h[1]), answers[i]
			switch {
			case strings.HasPrefix(want.Error, "500"):
				failures++ // and here nothing is stored
			case len(want.Files) == 1 && want.Files[0][1] == "" && version < "2.2":
				want = partAnswer{} // a file without a name, which no form takes for one
			case len(want.Files) == 1:
				files++
			case len(want.Fields) == 1:
				fields++
			}
			if !got.equal(want) {
				t.Errorf("%q, %q:\n got %q\nwant %q", h[0], h[1], got, want)
			}
		}
		t.Logf("%d parts, of which %d files, %d fields and %d internal server errors", len(headers), files, fields, failures)
		if files < len(headers)/4 || fields < len(headers)/20 || failures > len(headers)/20 {
			t.Error("that compares little")
		}
	})
}
