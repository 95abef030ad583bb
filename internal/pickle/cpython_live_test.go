//go:build live

package pickle_test

import (
	"bufio"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/pickle"
)

var (
	objects = flag.Int("objects", 300, "how many objects each Python pickles, in all protocols")
	mutants = flag.Int("mutants", 40000, "how many broken pickles are compared")
)

// python runs a script of testdata in the interpreter of a Django, with lines on stdin, and returns the lines it prints.
func python(t *testing.T, django string, stdin []string, script string, args ...string) []string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	interpreter := filepath.Join(cache, "django-sidecar", "venv", "django-"+django, "bin", "python")
	cmd := exec.Command(interpreter, append([]string{"-B", filepath.Join("testdata", script)}, args...)...)
	cmd.Env = append(os.Environ(), "PYTHONHASHSEED=0")
	var stderr strings.Builder // full of what CPython says of odd escapes
	cmd.Stderr = &stderr
	cmd.Stdin = strings.NewReader(strings.Join(append(stdin, ""), "\n"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("there is no Python of Django %s: run tools/setup.sh: %v", django, err)
	}
	var lines []string
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 64<<20)
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	if err := cmd.Wait(); err != nil || scanner.Err() != nil {
		t.Fatalf("%s under the Python of Django %s: %v, %v\n%.2000s", script, django, err, scanner.Err(), stderr.String())
	}
	return lines
}

// pickled are the random pickles that a Python writes.
func pickled(t *testing.T, django string, seed uint64) []string {
	t.Helper()
	lines := python(t, django, nil, "objects.py", fmt.Sprint(seed), fmt.Sprint(*objects))
	if len(lines) < *objects*8 {
		t.Fatalf("%d pickles of %d objects", len(lines), *objects)
	}
	return lines
}

func unhex(t *testing.T, line string) string {
	t.Helper()
	data, err := hex.DecodeString(line)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestObjectsOfEveryPython: whatever Pythons write is read as the newest reads it.
func TestObjectsOfEveryPython(t *testing.T) {
	s := djangotest.Seed(t)
	for _, django := range []string{"1.11", "3.2", "6.1"} { // Python 3.6, 3.9 and 3.13
		lines := pickled(t, django, s)
		differences := 0
		for i, want := range python(t, "6.1", lines, "judge.py") {
			got := render(unhex(t, lines[i]))
			if got == want || want == "unknown" && len(got) > 1<<18 {
				continue
			}
			if differences++; differences < 4 {
				t.Errorf("Python of Django %s, pickle %.2000s:\n got %.1000s\nwant %.1000s", django, lines[i], got, want)
			}
		}
		t.Logf("Python of Django %s: %d pickles", django, len(lines))
	}
}

func render(data string) string {
	v, err := pickle.Loads(data)
	if err != nil {
		return "refused: " + err.Error()
	}
	return inJSON(v)
}

// inJSON: protocols 2 and 3 have a partial(__new__, …) where there are keyword arguments, of which we know only the
// name.
func inJSON(v pickle.Object) string {
	return strings.ReplaceAll(string(v.AppendJSON(nil)), "functools.partial", "cart.Keyworded")
}

// TestBrokenPickles: what CPython refuses is refused, and what it reads is read, with the same result.
func TestBrokenPickles(t *testing.T) {
	random := rand.New(rand.NewPCG(djangotest.Seed(t), 0))
	good := pickled(t, "6.1", random.Uint64())
	good = append(good, python2(t)...)
	slices.SortFunc(good, func(a, b string) int { return len(a) - len(b) })
	good = good[:len(good)*3/4] // the longest take long, and show no more
	for _, django := range []string{"6.1", "3.2"} {
		lines := make([]string, 0, *mutants)
		for range *mutants {
			if random.IntN(3) == 0 {
				lines = append(lines, hex.EncodeToString(program(random)))
				continue
			}
			lines = append(lines, hex.EncodeToString(mutate(random, []byte(unhex(t, good[random.IntN(len(good))])))))
		}
		counts := map[string]int{}
		for i, want := range python(t, django, lines, "judge.py") {
			difference := compare(unhex(t, lines[i]), want)
			counts[difference]++
			if strings.HasPrefix(difference, "!") && counts[difference] < 4 {
				t.Errorf("Python of Django %s, %s: %s:\n got %.500s\nwant %.500s", django, lines[i], difference, render(unhex(t, lines[i])), want)
			}
		}
		t.Logf("Python of Django %s: %v", django, counts)
		if counts["both read it"] < *mutants/10 || counts["both refuse it"] < *mutants/5 {
			t.Errorf("too few of %d say anything", *mutants)
		}
	}
}

var placeholder = regexp.MustCompile(`\{"__class__": "([^"]*)"\}`)

// compare says whether Go agrees with CPython. A "!" says that it does not.
func compare(data, want string) string {
	v, err := pickle.Loads(data)
	refused := strings.HasPrefix(want, "refused: ")
	switch {
	case want == "unknown":
		return "CPython may not say"
	case err != nil && refused:
		return "both refuse it"
	case errors.Is(err, pickle.ErrByteArray):
		return "a bytearray is changed"
	case err != nil:
		return "! only CPython reads it"
	case refused && v.Guessed():
		return "a call that CPython refuses"
	case refused:
		return "! only CPython refuses it"
	}
	got := inJSON(v)
	if got == want || string(v.AppendJSON(nil)) == want {
		return "both read it"
	}
	for _, match := range placeholder.FindAllStringSubmatch(got, -1) {
		if slices.Contains(pickle.Constructed(), match[1]) || strings.HasPrefix(match[1], "builtins.") {
			return "a call as Python writes none"
		}
	}
	return "! another value"
}

// mutate changes a few bytes, or puts in or takes away some.
func mutate(random *rand.Rand, data []byte) []byte {
	for range 1 + random.IntN(2)*random.IntN(2) {
		i := random.IntN(len(data))
		switch random.IntN(5) {
		case 0:
			data[i] = byte(random.UintN(256))
		case 1:
			data[i] ^= 1 << random.UintN(8)
		case 2:
			data = slices.Insert(data, i, instruction(random)...)
		case 3:
			if j := min(len(data), i+1+random.IntN(3)); j-i < len(data) {
				data = slices.Delete(data, i, j)
			}
		case 4:
			data = append(data[:i:i], instruction(random)...)
			data = append(data, '.')
		}
	}
	return data
}

// program is a pickle of random instructions, of which most can follow on those before.
func program(random *rand.Rand) []byte {
	var data []byte
	for range 2 + random.IntN(14) {
		next := instruction(random)
		for tries := 0; tries < 12 && random.IntN(30) > 0; tries++ {
			if _, err := pickle.Loads(string(data) + string(next) + "N."); err == nil {
				break
			}
			next = instruction(random)
		}
		data = append(data, next...)
	}
	return append(data, '.')
}

// instructions are all there are but those that name something; the oddest arguments are among theirs.
var instructions = []string{
	"N", "\x88", "\x89", "I01\n", "I00\n", "I1\n", "I 7 \n", "I0x1f\n", "I010\n", "I-5\n", "I1_0\n", "I08\n", "I+0\n", "I\n", "I1\x009\n", "I\x00\n", "I\x00\x00\n",
	"I99999999999999999999\n", "I0777777777777777777777777\n", "I0b11\n", "I0o17\n", "I__1\n", "I1_\n", "I- 1\n", "I1L\n", "I1 \n", "I0_7\n", "I0x_f\n", "I00_0\n",
	"J\xff\xff\xff\x7f", "J\xff\xff\xff\xff", "K\x05", "M\x05\x01", "L5L\n", "L5\n", "L0x10L\n", "LL\n", "L-12345678901234567890L\n", "L007L\n", "L00L\n", "L 5 L\n",
	"\x8a\x00", "\x8a\x01\xff", "\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00", "\x8a\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x8b\x02\x00\x00\x00\x01\x02", "\x8b\xff\xff\xff\xff",
	"F1.5\n", "F1e400\n", "Finf\n", "F-nan\n", "F 1\n", "F1_0\n", "F1.\n", "F.5\n", "F.\n", "F0x1p3\n", "F1e5\n", "F1e\n", "FInfinity\n", "F-1e-400\n", "F\n", "F1\x00x\n", "F+1\n", "F++1\n",
	"G?\xf8\x00\x00\x00\x00\x00\x00", "G\x7f\xf8\x00\x00\x00\x00\x00\x00", "G?\xf0\x00\x00\x00\x00\x00\x00",
	"S'a'\n", "S\"a\\x41\\n\\101\\q\\'\"\n", "S'\\xff'\n", "S'a\n", "S''\n", "S'\n", "S'\\'\n", "S'\\x4'\n", "S'\\777'\n", "S'\\8'\n", "S'\xe9'\n",
	"T\x01\x00\x00\x00a", "T\xff\xff\xff\xff", "U\x01a", "U\x01\xe9",
	"Va\n", "V\\u00e9\\U0001f600\n", "V\\ud800\n", "V\xe9\n", "V\\u00\n", "V\\U00110000\n", "V\\\\u0041\n", "V\\\n", "V\n", "V\\x41\n", "V\\u+123\n", "V\\u_123\n",
	"\x8c\x01a", "\x8c\x03\xed\xa0\x80", "\x8c\x01\xff", "\x8c\x02\xc3\xa9", "\x8c\x06\xed\xa0\xbd\xed\xb8\x80", "\x8c\x02\xed\xa0", "\x8c\x03\xed\x9f\xbf", "X\x01\x00\x00\x00b", "X\xff\xff\xff\xff",
	"\x8d\x01\x00\x00\x00\x00\x00\x00\x00c", "\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "C\x01\xff", "B\x01\x00\x00\x00z", "\x8e\x01\x00\x00\x00\x00\x00\x00\x00y",
	"\x96\x01\x00\x00\x00\x00\x00\x00\x00x", "\x97", "\x98", ")", "\x85", "\x86", "\x87", "t", "]", "]", "l", "a", "e", "}", "}", "d", "s", "u", "\x8f", "\x90", "\x91",
	"(", "(", "(", "(", "0", "1", "2", "g0\n", "g1\n", "g 1 \n", "g-1\n", "gx\n", "g99999999999999999999999\n", "p0\n", "p1\n", "p-1\n", "p+2\n", "p1_0\n", "p0x1\n", "p99999999999999999999999\n",
	"h\x00", "h\x01", "h\x02", "j\x00\x00\x00\x00", "j\x10\x27\x00\x00", "q\x00", "q\x01", "r\x02\x00\x00\x00", "r\x10\x27\x00\x00", "\x94", "\x94", "\x80\x02", "\x80\x04", "\x80\x06",
	"\x95\x01\x00\x00\x00\x00\x00\x00\x00", "\x95\x00\x00\x00\x00\x00\x00\x00\x00", "\x95\xff\xff\xff\xff\xff\xff\xff\xff", "Ppid\n", "Q", "\x82\x01", "\x83\x01\x00", "\x84\x00\x00\x00\x00",
	"R", "b", "\x81", "\x92", "o", "c__builtin__\nset\n", "cbuiltins\nfrozenset\n", "ccollections\nOrderedDict\n", "cbuiltins\nbytearray\n", "cdatetime\ndate\n",
	"(icollections\nOrderedDict\n", "(cbuiltins\nset\no", "\x8c\x08builtins\x8c\x03set\x93", "cbuiltins\nset\n]\x85R", "cdecimal\nDecimal\nV1.0\n\x85R", "cdecimal\nDecimal\nV0.5\n\x85R",
	"c_codecs\nencode\n(V\\u00e9\nVlatin1\ntR", "cuuid\nUUID\n)\x81}(Vint\nK\x05ub", "cdatetime\ntimedelta\n(K\x01K\x00K\x00tR", "cbuiltins\nbytes\n)R",
	"cdatetime\ndatetime\n(C\x0a\x07\xea\x01\x02\x03\x04\x05\x00\x00\x06tR", "ccollections\nOrderedDict\n)R", "N\x85\x85", "}(K\x01K\x02\x88K\x03u", "\x8f(K\x01\x88G?\xf0\x00\x00\x00\x00\x00\x00\x90",
}

func instruction(random *rand.Rand) []byte {
	return []byte(instructions[random.IntN(len(instructions))])
}

// python2 are pickles that a Python 2.7 wrote.
func python2(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/python-2.7.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(text))
	if len(lines) < 300 {
		t.Fatalf("%d pickles of Python 2, expected at least 300", len(lines))
	}
	return lines
}

func TestPython2(t *testing.T) {
	lines := python2(t)
	readable := 0
	for i, want := range python(t, "6.1", lines, "judge.py") {
		switch difference := compare(unhex(t, lines[i]), want); {
		case difference == "both read it":
			readable++
		case difference != "both refuse it":
			t.Errorf("%s: %s:\n got %.500s\nwant %.500s", lines[i], difference, render(unhex(t, lines[i])), want)
		}
	}
	if readable < len(lines)/2 {
		t.Errorf("%d of %d are read", readable, len(lines))
	}
}
