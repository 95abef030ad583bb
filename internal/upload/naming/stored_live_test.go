//go:build live

package naming_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/upload/naming"
)

// storeAnswer is what FileField and FileSystemStorage made of a name.
type storeAnswer struct {
	Stored string   `json:"stored"` // by generate_filename
	Asked  []string `json:"asked"`  // names that exists() was asked for, within max_length
	Final  string   `json:"final"`
	Error  string   `json:"error"` // 400, or 500 and more
}

// storeQuestion is an upload of one file into a directory where some names are taken.
type storeQuestion struct {
	name, uploadTo, zone string
	at                   time.Time
	maxLength, taken     int
}

func (q storeQuestion) ask(what string) []any {
	return []any{what, q.name, q.uploadTo, q.zone, q.at.UnixMicro(), q.maxLength, q.taken}
}

// rules are nil where New refuses.
func (q storeQuestion) rules(t *testing.T, version string) *naming.Rules {
	t.Helper()
	rules, err := naming.New(naming.Config{
		Version: parseVersion(t, version), UploadTo: q.uploadTo, Location: location(t, q.zone), MaxLength: q.maxLength,
	})
	if err != nil {
		return nil
	}
	return rules
}

// answer is what is made of the question here. tooLong is the end of the names because a file system takes none.
func (q storeQuestion) answer(t *testing.T, rules *naming.Rules) (a storeAnswer, tooLong bool) {
	t.Helper()
	stored, err := rules.Store(q.name, q.at)
	if err != nil {
		if !errors.Is(err, naming.ErrSuspiciousFileOperation) {
			t.Errorf("%+v: %v", q, err)
		}
		return storeAnswer{Error: "400"}, false
	}
	a.Stored = stored
	names := rules.Names(stored, letterA{})
	for len(a.Asked) <= q.taken {
		name, err := names.Next()
		switch {
		case errors.Is(err, naming.ErrNameTooLong):
			return a, true
		case err != nil:
			if !errors.Is(err, naming.ErrSuspiciousFileOperation) {
				t.Errorf("%+v: %v", q, err)
			}
			a.Error = "400"
			return a, false
		}
		a.Asked = append(a.Asked, name)
	}
	a.Final = a.Asked[q.taken]
	return a, false
}

func (a storeAnswer) equal(b storeAnswer) bool {
	return a.Stored == b.Stored && slices.Equal(a.Asked, b.Asked) && a.Final == b.Final && a.Error == b.Error
}

// refusedHere says why a name is not stored that Django stores: see docs/divergences.md.
func refusedHere(version string, q storeQuestion, want storeAnswer) string {
	older := version < "2.2" || version == "3.0"
	switch {
	case strings.HasPrefix(want.Error, "500"):
		return "an internal server error"
	case want.Error == "400":
		return "refused by Django as late as get_available_name"
	case strings.ContainsRune(want.Stored, 0):
		return "a NUL in a directory's name, which open() refuses"
	case older && (want.Stored == "." || strings.HasPrefix(want.Stored+"/", "../") || strings.HasPrefix(want.Stored, "/")):
		return "no path below MEDIA_ROOT, refused by safe_join or not"
	case older && nothingLeft(q.name):
		return "nothing is left of the name"
	}
	return ""
}

// TestStoredNamesAreDjangos compares Store and Names with FileField and FileSystemStorage.
func TestStoredNamesAreDjangos(t *testing.T) {
	t.Parallel()
	compareStored(t, "store", randomQuestions(t, *questions))
}

// TestNamesOnDiskAreDjangos does the same in real directories, where names can be too long for the file system.
func TestNamesOnDiskAreDjangos(t *testing.T) {
	t.Parallel()
	list := randomQuestions(t, *questions/10)
	for i := range list {
		list[i].name = strings.ReplaceAll(list[i].name, `\`, "") // old Djangos say that they stored another name than they did
	}
	compareStored(t, "disk", list)
}

// tally counts what became of names in a Django.
type tally struct {
	stored, renamed, refused, tooLong int
	explained                         map[string]int
}

// add compares an answer with Django's, and says what is wrong.
func (c *tally) add(t *testing.T, what, version string, q storeQuestion, want storeAnswer) (ok bool) {
	t.Helper()
	rules := q.rules(t, version)
	if rules == nil {
		c.explained["an upload_to that New refuses"]++
		return true
	}
	got, tooLong := q.answer(t, rules)
	switch why := refusedHere(version, q, want); {
	case tooLong:
		c.tooLong++
		return what == "disk" && strings.Contains(want.Error, "500: OSError: [Errno 36]") || what == "store" && isTooLong(want, len(got.Asked))
	case got.equal(want):
	case got.Stored == "" && got.Error != "" && why != "":
		c.explained[why]++
		return true
	default:
		t.Logf("got %+v", got)
		return false
	}
	switch {
	case want.Error != "":
		c.refused++
	case want.Final != want.Stored:
		c.renamed++
	default:
		c.stored++
	}
	return true
}

func compareStored(t *testing.T, what string, list []storeQuestion) {
	t.Helper()
	asked := make([][]any, len(list))
	for i, q := range list {
		asked[i] = q.ask(what)
	}
	eachDjango(t, func(t *testing.T, version string) {
		var answers []storeAnswer
		askDjango(t, version, asked, &answers)
		count := tally{explained: map[string]int{}}
		for i, q := range list {
			if !count.add(t, what, version, q, answers[i]) {
				t.Errorf("%+v:\nwant %+v", q, answers[i])
			}
		}
		t.Logf("%d names: %+v", len(list), count)
		if count.stored < len(list)/8 || count.renamed < len(list)/8 || count.refused < len(list)/200 {
			t.Error("that compares little")
		}
	})
}

// isTooLong tells whether the name that Django tried after some others has a component of too many bytes.
func isTooLong(a storeAnswer, after int) bool {
	if after >= len(a.Asked) {
		return false
	}
	return slices.ContainsFunc(strings.Split(a.Asked[after], "/"), func(component string) bool { return len(component) > 255 })
}
