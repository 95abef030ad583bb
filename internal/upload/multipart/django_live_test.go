//go:build live

package multipart_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/upload/multipart"
)

var questions = flag.Int("questions", 1600, "how many bodies every Django is asked for")

// before says whether a version is older than another one.
func before(version, other string) bool {
	return slices.Index(djangotest.Lines, version) < slices.Index(djangotest.Lines, other)
}

// askDjango puts questions to testdata/oracle/multipart.py, and decodes the answers into a slice.
func askDjango[T any](t *testing.T, version string, asked []T, answers any) {
	t.Helper()
	djangotest.AskScript(t, version, filepath.Join(djangotest.RepositoryPath(), "testdata", "oracle", "multipart.py"), asked, answers)
}

// question is how a body is put to Django.
type question struct {
	Type         string   `json:"type"`
	Body         []byte   `json:"body"`
	Dispositions [][]byte `json:"dispositions"`
	Files        int      `json:"files"`
	Fields       int      `json:"fields"`
	FieldBytes   int64    `json:"field_bytes"`
}

// answer is what Django says.
type answer struct {
	Fields, Files [][]string
	Error         *string
	Dispositions  []disposition
}

// disposition is what Django makes of a Content-Disposition.
type disposition struct {
	Kind           string
	Name, Filename *string
}

// outcome is what becomes of a body: the values of each field, the files, or an error.
type outcome struct {
	Fields map[string][]string
	Files  []fileOutcome
	Err    error
}

type fileOutcome struct{ Name, Filename, ContentType, Content string }

// dispositions collects the Content-Dispositions of all parts.
func dispositions(b body) [][]byte {
	r, err := multipart.NewReader(bytes.NewReader(b.bytes), b.contentType(), multipart.Limits{Fields: -1}, make([]byte, 8<<10))
	all := [][]byte{}
	for err == nil {
		var p *multipart.Part
		if p, err = r.Next(); err == nil {
			all = append(all, p.Disposition)
		}
	}
	return all
}

// read reads a body as the HTTP layer would with Django's own word on each disposition.
func read(b body, known []disposition, buffer []byte) outcome {
	o := outcome{Fields: map[string][]string{}}
	r, err := multipart.NewReader(bytes.NewReader(b.bytes), b.contentType(), b.limits, buffer)
	for i := 0; err == nil; i++ {
		var p *multipart.Part
		if p, err = r.Next(); err == nil {
			err = o.part(p, known[i])
		}
	}
	if !errors.Is(err, io.EOF) {
		return outcome{Err: err}
	}
	return o
}

func (o *outcome) part(p *multipart.Part, d disposition) error {
	if p.Disposition == nil || d.Name == nil {
		return nil
	}
	switch d.Kind {
	case "field":
		value, err := p.Field(len([]rune(*d.Name)))
		o.Fields[*d.Name] = append(o.Fields[*d.Name], string(value))
		return err
	case "file":
		f, err := p.File()
		if err != nil || d.Filename == nil || *d.Filename == "" {
			return err
		}
		var content strings.Builder
		if _, err = f.WriteTo(&content); err != nil || *d.Name == "" {
			return err // Django forgets a file whose field has an empty name: "if old_field_name:", 1.11 to 6.1
		}
		mediaType, _, _ := strings.Cut(string(p.ContentType), ";")
		o.Files = append(o.Files, fileOutcome{*d.Name, *d.Filename, strings.ToLower(strings.TrimSpace(mediaType)), content.String()})
	}
	return nil
}

// outcomeOf is an answer in the same form.
func outcomeOf(t *testing.T, a answer) outcome {
	t.Helper()
	if a.Error != nil {
		return outcome{Err: errors.New(*a.Error)}
	}
	o := outcome{Fields: map[string][]string{}}
	for _, f := range a.Fields {
		o.Fields[f[0]] = append(o.Fields[f[0]], unbase64(t, f[1]))
	}
	for _, f := range a.Files {
		o.Files = append(o.Files, fileOutcome{f[0], f[1], f[2], unbase64(t, f[3])})
	}
	return o
}

func unbase64(t *testing.T, text string) string {
	t.Helper()
	var decoded []byte
	if err := json.Unmarshal([]byte(`"`+text+`"`), &decoded); err != nil {
		t.Fatal(err)
	}
	return string(decoded)
}

// asked is a body as Django is asked for it, and what is known of it without this package.
type asked struct {
	body
	closed                  bool // it has a closing boundary
	midline, pre, epi       bool // what was taken out, since Django reads it otherwise
	longPreamble, longParts bool
	dispositions            [][]byte // of all parts
	spaced, in64            bool     // what headers seem to have: see the expressions
	notUTF8, two            bool
	overEdge                []bool // which parts go over the end of a chunk of Django's
}

// comparable takes out of a body what is read otherwise on purpose: what is after the closing boundary and before the first
// one, and boundaries that are not on lines of their own. TestDepartures shows that these change nothing here.
func comparable(b body) asked {
	a := asked{body: b}
	line := regexp.MustCompile(`(\r?\n|\A)--` + regexp.QuoteMeta(b.boundary) + `(?:(--)[ \t]{0,64}(?:\r?\n|\r?\z)|[ \t]{0,64}\r?\n)`)
	mark := "--" + b.boundary
	neutral := []byte(mark[:len(mark)-1] + "\x01")
	kept := []byte{}
	rest := b.bytes
	for first := true; !a.closed; first = false {
		at := line.FindSubmatchIndex(rest)
		data := rest
		if at != nil {
			data = rest[:at[0]]
		}
		a.longParts = a.longParts || !first && len(data) >= 1024
		if bytes.Contains(data, []byte(mark)) {
			a.midline = true
			data = bytes.ReplaceAll(data, []byte(mark), neutral)
		}
		a.longPreamble = a.longPreamble || first && len(data) >= 1024
		if first && at != nil {
			a.pre, data = at[0] > 0, nil
			at[0] = at[3] // also without the line end before the boundary
		}
		if !first {
			a.overEdge = append(a.overEdge, (len(kept)-nearEdge)/chunkSize != (len(kept)+len(data)+nearEdge)/chunkSize)
		}
		kept = append(kept, data...)
		if at == nil {
			break
		}
		next := at[3] + len(mark)
		if a.closed = at[4] >= 0; a.closed {
			next, a.epi = at[1], len(rest) > at[1]
		}
		kept = append(kept, rest[at[0]:next]...)
		rest = rest[next:]
	}
	a.bytes = kept
	a.dispositions = dispositions(a.body)
	a.spaced, a.in64, a.notUTF8, a.two = whiteSpace.Match(kept), in64.Match(kept), notUTF8.Match(kept), twoDispositions.Match(kept)
	return a
}

// passedOver says whether a part without a name goes over the end of a chunk. Django reads what is behind it as a new part.
func (a *asked) passedOver(known []disposition) bool {
	for i, over := range a.overEdge {
		if over && (i >= len(known) || known[i].Name == nil) {
			return true
		}
	}
	return false
}

// Django reads a body by FileUploadHandler.chunk_size, of which boundaries, and the line ends beside them, shift the ends.
const chunkSize, nearEdge = 64 << 10, 256

// whiteSpace matches a header's name with white space around it.
var whiteSpace = regexp.MustCompile(`(?i)(?:\r\n|--[^\r\n]*)(?:[\s\v\x1c-\x1f\x{85}\p{Z}]+content-[a-z-]+[\s\v\x1c-\x1f\x{85}\p{Z}]*|content-[a-z-]+[\s\v\x1c-\x1f\x{85}\p{Z}]+):`)

// in64 matches a header that says base64.
var in64 = regexp.MustCompile(`(?i)content-transfer-encoding[^\n]*base64`)

// departure says why the outcomes may differ, or "". Every reason is about the body, and about who is stricter.
func departure(version string, a asked, known []disposition, ours, theirs outcome) string {
	if a.passedOver(known) {
		return "a part that is passed over is longer than a chunk"
	}
	if ours.Err == nil {
		return difference(version, a, known, ours, theirs)
	}
	nameless := slices.ContainsFunc(known, func(d disposition) bool { return d.Kind == "file" && d.Name == nil })
	switch {
	case (errors.Is(ours.Err, multipart.ErrTruncated) || errors.Is(ours.Err, multipart.ErrTooManyFields)) && !a.closed:
		return "no closing boundary"
	case errors.Is(ours.Err, errSpace) && a.spaced:
		return "white space around a header's name"
	case errors.Is(ours.Err, errNot64) && a.in64 && (before(version, "6.1") || bytes.Contains(a.bytes, []byte("="))):
		return "base64 that is not"
	case errors.Is(ours.Err, multipart.ErrHeaderTooLarge) && a.longParts && before(version, "5.2"):
		return "long headers, up to 5.0"
	case errors.Is(ours.Err, multipart.ErrHeaderTooLarge) && a.longPreamble:
		return "long preambles, with an empty line or up to 5.0"
	case (errors.Is(ours.Err, multipart.ErrTooManyFields) || errors.Is(ours.Err, multipart.ErrTooManyFiles)) && before(version, "3.2"):
		return "counts of 3.2.18"
	case errors.Is(ours.Err, multipart.ErrTooManyFields) && nameless:
		return "files without a name are counted"
	}
	return ""
}

// difference is departure for bodies that are read here.
func difference(version string, a asked, known []disposition, ours, theirs outcome) string {
	unreadable := false
	for i, d := range known {
		unreadable = unreadable || d.Kind == "raw" && len(a.dispositions[i]) > 0
	}
	switch {
	case before(version, "4.2") && a.notUTF8:
		return "lines that are not UTF-8, up to 4.1"
	case unreadable && a.two:
		return "the last one of two dispositions cannot be read"
	case theirs.Err != nil: // Django is the stricter side
	case before(version, "6.1") && a.in64 && onlyFieldsDiffer(ours, theirs):
		return "base64 of fields that 6.1 leaves as it is"
	}
	return ""
}

// notUTF8 matches a type or an encoding with other bytes than ASCII, in a line that only CR and LF together end, and
// twoDispositions what may be a part with two.
var (
	notUTF8         = regexp.MustCompile(`(?i)content-(?:type|transfer-encoding):(?:[^\r]|\r+[^\r\n])*?[^ -~\r\n]`)
	twoDispositions = regexp.MustCompile(`(?i)content-disposition:[^\n]*(?:\n[^\n]+)*\ncontent-disposition:`)
)

// The problems of SyntaxErrors, as kinds.
var (
	errSpace = errors.New("white space around the name of a part's header")
	errNot64 = errors.New("a part that should be in base64 is not")
)

// onlyFieldsDiffer compares all but the values of fields.
func onlyFieldsDiffer(a, b outcome) bool {
	sameLength := func(a, b []string) bool { return len(a) == len(b) }
	return slices.EqualFunc(a.Files, b.Files, sameFile) && maps.EqualFunc(a.Fields, b.Fields, sameLength)
}

// kinded replaces a ParserError by its kind.
func kinded(o outcome) outcome {
	if problem := (*multipart.ParserError)(nil); errors.As(o.Err, &problem) {
		o.Err = errors.New(problem.Problem)
		for _, kind := range []error{errSpace, errNot64} {
			if problem.Problem == kind.Error() {
				o.Err = kind
			}
		}
	}
	return o
}

// sameErrors are this package's errors and Django's. A body may have several faults, and the first one found is told.
var sameErrors = map[error]string{
	multipart.ErrTooManyFiles: "TooManyFilesSent", multipart.ErrTooManyFields: "TooManyFieldsSent",
	multipart.ErrFieldsTooLarge: "RequestDataTooBig", multipart.ErrHeaderTooLarge: "MultiPartParserError", errNot64: "MultiPartParserError",
}

// same compares two outcomes. Bodies that both refuse are alike.
func same(ours, theirs outcome) bool {
	if ours.Err != nil || theirs.Err != nil {
		return ours.Err != nil && theirs.Err != nil
	}
	return slices.EqualFunc(ours.Files, theirs.Files, sameFile) && maps.EqualFunc(ours.Fields, theirs.Fields, slices.Equal)
}

// sameFile compares content types only if they are plain, since they are not interpreted here.
func sameFile(a, b fileOutcome) bool {
	if !plainType.MatchString(a.ContentType) {
		a.ContentType = b.ContentType
	}
	return a == b
}

var plainType = regexp.MustCompile(`\A[a-z0-9/+.-]*\z`)

func ask(t *testing.T, version string, all []asked) []answer {
	t.Helper()
	put := make([]question, len(all))
	for i, a := range all {
		put[i] = question{a.contentType(), a.bytes, a.dispositions, a.limits.Files, a.limits.Fields, a.limits.FieldBytes}
	}
	var answers []answer
	askDjango(t, version, put, &answers)
	return answers
}

func generate(t *testing.T) []body {
	t.Helper()
	g := &generator{Rand: rand.New(rand.NewPCG(djangotest.Seed(t), 0))}
	all := make([]body, *questions)
	for i := range all {
		all[i] = g.body()
	}
	return all
}

// TestDjango compares what is read with what Django's own MultiPartParser reads, part for part and byte for byte.
func TestDjango(t *testing.T) {
	t.Parallel()
	var all []asked
	for _, b := range generate(t) {
		all = append(all, comparable(b))
	}
	for _, version := range djangotest.Lines {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			answers, buffer := ask(t, version, all), make([]byte, 32<<10)
			reasons, parts, refused, sameKind, sabotaged := map[string]int{}, 0, 0, 0, make([]int, len(sabotage))
			for i, a := range all {
				ours, theirs := kinded(read(a.body, answers[i].Dispositions, buffer)), outcomeOf(t, answers[i])
				parts += len(ours.Files) + len(ours.Fields)
				if ours.Err != nil && theirs.Err != nil {
					refused++
					if sameErrors[ours.Err] == theirs.Err.Error() {
						sameKind++
					}
				}
				for j, wrong := range sabotage {
					if wrong := wrong(ours); !same(wrong, theirs) && departure(version, a, answers[i].Dispositions, wrong, theirs) == "" {
						sabotaged[j]++
					}
				}
				if same(ours, theirs) {
					continue
				}
				reason := departure(version, a, answers[i].Dispositions, ours, theirs)
				if reason == "" {
					t.Errorf("%.700q %+v:\n%.400q here\n%.400q there", a.bytes, a.limits, fmt.Sprint(ours), fmt.Sprint(theirs))
				}
				reasons[reason]++
			}
			t.Logf("%d bodies with %d fields and files; both refuse %d, %d with the same word; departures: %v; wrong answers found: %v",
				len(all), parts, refused, sameKind, reasons, sabotaged)
			if parts < len(all)/2 || refused < len(all)/50 || sameKind < refused/2 || slices.Min(sabotaged) < len(all)/100 {
				t.Error("that compares little")
			}
		})
	}
}

// sabotage are wrong answers, made of right ones. The comparison must find them.
var sabotage = []func(outcome) outcome{
	func(o outcome) outcome { // a byte is missing
		if len(o.Files) > 0 {
			o.Files = slices.Clone(o.Files)
			last := &o.Files[len(o.Files)-1]
			last.Content = last.Content[:max(0, len(last.Content)-1)]
		}
		return o
	},
	func(o outcome) outcome { // a line end is kept
		if len(o.Files) > 0 {
			o.Files = slices.Clone(o.Files)
			o.Files[0].Content += "\r"
		}
		return o
	},
	func(o outcome) outcome { // a file is missing
		if len(o.Files) > 0 {
			o.Files = o.Files[1:]
		}
		return o
	},
	func(o outcome) outcome { // fields are files
		fields := maps.Clone(o.Fields)
		for name := range fields {
			delete(fields, name)
		}
		o.Fields = fields
		return o
	},
	func(o outcome) outcome { // what was refused is read
		if o.Err != nil {
			return outcome{Fields: map[string][]string{"accepted": {"wrongly"}}}
		}
		return o
	},
	func(o outcome) outcome { // what was read is refused
		if o.Err == nil {
			return outcome{Err: multipart.ErrHeaderTooLarge}
		}
		return o
	},
}

// TestDepartures shows that what comparable takes out of bodies changes nothing here: no epilogue or preamble is read, and
// boundaries within lines are content.
func TestDepartures(t *testing.T) {
	t.Parallel()
	limits := multipart.Limits{HeaderBytes: 1024, Files: 100, Fields: 1000, FieldBytes: 2621440}
	pre, epi, midline := 0, 0, 0
	for _, b := range generate(t) {
		a := comparable(b)
		mark := []byte("--" + b.boundary)
		got, err := readAll(bytes.NewReader(b.bytes), b.contentType(), limits, nil, 0)
		want, wantErr := readAll(bytes.NewReader(a.bytes), b.contentType(), limits, nil, 0)
		if a.longPreamble {
			if !errors.Is(err, multipart.ErrHeaderTooLarge) {
				t.Errorf("%.1500q: %v", b.bytes, err)
			}
			continue
		}
		if !errors.Is(err, wantErr) && !errors.As(err, new(*multipart.ParserError)) || errors.Is(err, multipart.ErrTruncated) && a.closed {
			t.Errorf("%.1500q: %v, want %v", b.bytes, err, wantErr)
		}
		for i := range got {
			if bytes.Contains(got[i].Content, mark) {
				got[i].Content = bytes.ReplaceAll(got[i].Content, mark, append(mark[:len(mark)-1:len(mark)-1], 1))
			}
			got[i].Disposition = strings.ReplaceAll(got[i].Disposition, string(mark), string(mark[:len(mark)-1])+"\x01")
			got[i].ContentType = strings.ReplaceAll(got[i].ContentType, string(mark), string(mark[:len(mark)-1])+"\x01")
		}
		if diff := diffParts(want, got); diff != "" {
			t.Errorf("%.1500q: %.1500s", b.bytes, diff)
		}
		for _, c := range []struct {
			is    bool
			count *int
		}{{a.pre, &pre}, {a.epi, &epi}, {a.midline, &midline}} {
			if c.is {
				*c.count++
			}
		}
	}
	t.Logf("%d with a preamble, %d with an epilogue, %d with a boundary within a line", pre, epi, midline)
	if least := *questions / 100; pre < least || epi < least || midline < least {
		t.Error("that shows little")
	}
}

// TestBoundaryIsDjangos compares the boundaries of Content-Types. Where a Django reads one, and it is refused here, some
// other Django reads another one.
func TestBoundaryIsDjangos(t *testing.T) {
	t.Parallel()
	type content struct {
		Type string `json:"boundary_of"`
	}
	var types []content
	for _, c := range contentTypes {
		types = append(types, content{c.contentType})
	}
	for _, version := range djangotest.Lines {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			var answers []struct{ Boundary, Error *string }
			askDjango(t, version, types, &answers)
			for i, c := range contentTypes {
				theirs := ""
				if answers[i].Boundary != nil {
					theirs = *answers[i].Boundary
				}
				if theirs != c.boundary && (!c.ambiguous || theirs == "") {
					t.Errorf("%q: %q here, %q there", c.contentType, c.boundary, theirs)
				}
			}
		})
	}
}
