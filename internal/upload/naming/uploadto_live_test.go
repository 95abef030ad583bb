//go:build live

package naming_test

import (
	"strings"
	"testing"
)

// TestUploadToIsDjangos compares all of strftime, and what New refuses.
func TestUploadToIsDjangos(t *testing.T) {
	t.Parallel()
	r := random(t)
	list := make([]storeQuestion, *questions)
	asked := make([][]any, *questions)
	for i := range list {
		list[i] = storeQuestion{name: "a", uploadTo: randomUploadTo(r), zone: zones[r.IntN(len(zones))], maxLength: 2000}
		list[i].at = randomTime(r, location(t, list[i].zone))
		asked[i] = list[i].ask("store")
	}
	eachDjango(t, func(t *testing.T, version string) {
		var answers []storeAnswer
		askDjango(t, version, asked, &answers)
		refused := map[string]int{}
		for i, q := range list {
			rules, want := q.rules(t, version), answers[i]
			switch {
			case rules == nil && want.Error != "":
				refused["by both"]++
			case rules == nil:
				why := refusedUploadTo(version, q.uploadTo, want)
				if why == "" {
					t.Errorf("New refuses %q, which Django %s stores as %q", q.uploadTo, version, want.Stored)
				}
				refused[why]++
			default:
				if got, err := rules.Store("a", q.at); err != nil || got != want.Stored {
					t.Errorf("%q at %v:\n got %q, %v\nwant %q, %s", q.uploadTo, q.at, got, err, want.Stored, want.Error)
				}
			}
		}
		t.Logf("%d upload_to; refused: %v", len(list), refused)
		if refused["by both"] > len(list)/2 {
			t.Error("that compares little")
		}
	})
}

// refusedUploadTo says why New refuses what Django stores under.
func refusedUploadTo(version, uploadTo string, want storeAnswer) string {
	switch {
	case strings.Contains(uploadTo, `\`):
		return "a backslash"
	case strings.HasSuffix(uploadTo, "%"):
		return "a percent sign that nothing follows"
	case strings.Contains(uploadTo, "%:"):
		return "a directive of newer Pythons"
	case isTooLong(want, 0):
		return "a directory of too many bytes"
	case (version < "2.2" || version == "3.0") && strings.HasPrefix(want.Stored, "/"):
		return "absolute, and checked by safe_join alone"
	}
	return ""
}
