package observe_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"django-sidecar/djangosession"
	"django-sidecar/internal/observe"
)

const lineBytes = 2048

// invisible are characters that a log must not have raw: C0, DEL, C1, line separators, directions, the byte order mark, and
// what has no width.
const invisible = "\x00\x1b[2J\r\n\x7f\u0080\u0085\u009b31m\u2028\u2029\u200b\u200e\u200f\u202a\u202e\u2066\u2069\ufeff\u00ad\u034f\u3164\ufe0f\U000e0041\U000e0100\xff\xc2"

// logged is the one line that a handler writes.
func logged(tb testing.TB, text bool, write func(*slog.Logger)) string {
	tb.Helper()
	var b bytes.Buffer
	lines := observe.NewAsyncWriter(&b, 1<<20)
	write(slog.New(observe.NewLogHandler(lines, text, slog.LevelInfo)))
	lines.Close()
	line := b.String()
	if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
		tb.Errorf("not one line: %q", line)
	}
	return line
}

// wantLine fails the test unless a line is short, shows whole and, where it is JSON, is valid. It returns the members of that.
func wantLine(tb testing.TB, line string, text bool, most int) map[string]any {
	tb.Helper()
	if len(line) > most {
		tb.Errorf("a line of %d bytes: %.300s…", len(line), line)
	}
	for i, r := range strings.TrimSuffix(line, "\n") {
		_, size := utf8.DecodeRuneInString(line[i:])
		if r == utf8.RuneError && size == 1 || !unicode.IsPrint(r) || strings.ContainsRune("\u034f\u3164\ufe0f\U000e0100", r) {
			tb.Errorf("%q is raw in %.300q", r, line)
			break
		}
	}
	members := map[string]any{}
	if text {
		return members
	}
	if err := json.Unmarshal([]byte(line), &members); err != nil {
		tb.Errorf("no JSON: %v in %.300q", err, line)
	}
	return members
}

// events are an event whose every text is s, and one whose only text of the client's is the path.
func events(s string) []*observe.Event {
	e := &observe.Event{Err: errors.New(s), Status: 503}
	v := reflect.ValueOf(e).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.String && v.Type().Field(i).Name != "Stack" {
			f.SetString(s)
		}
	}
	return []*observe.Event{e, {Path: s, Method: "GET", Status: 200, Outcome: "ended", Reason: djangosession.NoCookie}}
}

// TestLinesAreBounded: whatever is in an event, its line is short, and says what was cut.
func TestLinesAreBounded(t *testing.T) {
	for _, s := range []string{
		strings.Repeat("a", 60_000), strings.Repeat("\x01", 60_000), strings.Repeat("\u202e", 30_000), strings.Repeat("\xff", 60_000),
		strings.Repeat("\U000e0041", 30_000), strings.Repeat(`"\`, 30_000), strings.Repeat("<", 3000), strings.Repeat("é", 3000), invisible, "/" + invisible,
	} {
		for _, text := range []bool{false, true} {
			for _, e := range events(s) {
				line := logged(t, text, func(l *slog.Logger) { e.Write(t.Context(), l) })
				members := wantLine(t, line, text, lineBytes)
				if len(s) > 1000 && !strings.Contains(line, "...(cut: "+strconv.Itoa(len(s))+" bytes)") {
					t.Errorf("it does not say that it was cut: %.300q", line)
				}
				if path, _ := members["path"].(string); len(s) < 1000 && !text && path != asJSON(t, s) {
					t.Errorf("the path is %.300q", path)
				}
			}
			line := logged(t, text, func(l *slog.Logger) {
				l.Warn("a warning", "error", errors.New(s), "first", s, "list", []string{s, s}, slog.Group("group", "second", s), "number", 7)
			})
			if members := wantLine(t, line, text, lineBytes); !text && members["number"] != 7.0 {
				t.Errorf("the number is %v", members["number"])
			}
			line = logged(t, text, func(l *slog.Logger) { (&observe.Event{Status: 500, Stack: s, Path: s}).Write(t.Context(), l) })
			wantLine(t, line, text, lineBytes+16<<10)
		}
	}
}

// TestShortValuesStay: what shows, and has room, is what it was.
func TestShortValuesStay(t *testing.T) {
	const path = "/файл/été/日本語/x"
	for _, text := range []bool{false, true} {
		e := &observe.Event{Method: "GET", Path: path, Status: 200}
		if line := logged(t, text, func(l *slog.Logger) { e.Write(t.Context(), l) }); !strings.Contains(line, path) {
			t.Errorf("got %s", line)
		}
	}
	line := logged(t, false, func(l *slog.Logger) { l.Info("serving", "list", []string{"a", "b"}, "error", errors.New("down")) })
	if !strings.Contains(line, `"list":["a","b"],"error":"down"`) {
		t.Errorf("got %s", line)
	}
}

func FuzzLine(f *testing.F) {
	f.Add("GET", "/", "42", "down", 1)
	f.Add("\x00", invisible, invisible, "\xff\xfe", 900)
	f.Fuzz(func(t *testing.T, method, path, user, problem string, times int) {
		path = strings.Repeat(path, min(max(times, 1), 10_000/max(len(path), 1)+1))
		for _, text := range []bool{false, true} {
			e := &observe.Event{Method: method, Path: path, UserID: user, Remote: user, Err: errors.New(problem), Status: 500}
			members := wantLine(t, logged(t, text, func(l *slog.Logger) { e.Write(t.Context(), l) }), text, lineBytes)
			if got, _ := members["path"].(string); !text && !strings.HasSuffix(got, " bytes)") && got != asJSON(t, path) {
				t.Errorf("the path %q is %q", path, got)
			}
			wantLine(t, logged(t, text, func(l *slog.Logger) {
				l.Info("a message", "method", method, "path", path, "error", errors.New(problem), "user", user)
			}), text, lineBytes)
		}
	})
}

// asJSON is what comes of a text in JSON.
func asJSON(t *testing.T, s string) (text string) {
	t.Helper()
	document, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(document, &text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}
