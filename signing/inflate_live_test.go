//go:build live

package signing_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"testing"

	"django-sidecar/internal/djangotest"
	"django-sidecar/signing"
)

var inflateCount = flag.Int("inflate-count", 20000, "how many streams of each kind are put to zlib")

// rawPython answers each stream with what it holds and how much follows it, in hexadecimal and decimal digits, or with "no".
const rawPython = `
import sys, zlib
for line in sys.stdin:
    d = zlib.decompressobj(-15)
    try:
        out = d.decompress(bytes.fromhex(line)) + d.flush()
        print(out.hex() + "|" + str(len(d.unused_data)) if d.eof else "no")
    except zlib.error:
        print("no")
`

// wholePython does what Django does.
const wholePython = `
import sys, zlib
for line in sys.stdin:
    try:
        print(zlib.decompress(bytes.fromhex(line)).hex() + "|")
    except zlib.error:
        print("no")
`

// TestInflateAsZlib: what Python's zlib reads is what is read here, and what that refuses is refused.
func TestInflateAsZlib(t *testing.T) {
	random := rand.New(rand.NewPCG(djangotest.Seed(t), 1))
	cases := inflateCases()
	var list [][]byte
	for _, c := range cases {
		list = append(list, c.stream.bytes)
	}
	sources := originals(t, random)
	for range *inflateCount {
		list = append(list, spoiled(random, sources[random.IntN(len(sources))]), strange(random))
	}
	taken := 0
	for i, want := range ask(t, rawPython, list) {
		if i < len(cases) && (want == "no") != (cases[i].want == nil) {
			t.Errorf("%s: zlib says %s", cases[i].name, want)
		}
		got, rest, err := signing.Inflate(nil, list[i], 1<<22)
		if err != nil && !errors.As(err, new(*signing.SyntaxError)) {
			t.Fatal(err)
		}
		answer := "no"
		if err == nil {
			answer = hex.EncodeToString(got) + "|" + strconv.Itoa(len(rest))
			taken++
		}
		if answer != want {
			t.Errorf("%x: %.80s, and zlib says %.80s", list[i], answer, want)
		}
	}
	t.Logf("%d of %d streams are taken", taken, len(list))
	if taken < len(list)/10 || taken > len(list)*9/10 {
		t.Error("too little has been tried")
	}
}

// TestLoadsAsZlib is about what is around a stream: header, checksum, and what follows.
func TestLoadsAsZlib(t *testing.T) {
	random := rand.New(rand.NewPCG(djangotest.Seed(t), 2))
	var list [][]byte
	abc := deflate(t, []byte("abc"))
	for method := range 256 {
		for flags := range 256 {
			list = append(list, append([]byte{byte(method), byte(flags)}, abc[2:]...))
		}
	}
	for range *inflateCount / 10 {
		whole := deflate(t, somebodys(random))
		switch random.IntN(4) {
		case 0:
			whole = whole[:random.IntN(len(whole))]
		case 1:
			whole = append(whole, "what follows"[random.IntN(12):]...)
		case 2:
			whole[len(whole)-1-random.IntN(4)] ^= byte(1 << random.IntN(8))
		}
		list = append(list, whole)
	}
	s, plain := newTimestampSigner(t, loader), newSigner(t, loader)
	taken := 0
	for i, want := range ask(t, wholePython, list) {
		got, _, err := s.Loads(nil, plain.Sign("."+base64.RawURLEncoding.EncodeToString(list[i])+":1"), 1<<20)
		answer := "no"
		if err == nil {
			answer = hex.EncodeToString(got) + "|"
			taken++
		}
		if answer != want {
			t.Errorf("%x: %.80s, and zlib says %.80s", list[i], answer, want)
		}
	}
	if taken < *inflateCount/40 {
		t.Errorf("%d of %d are taken: too little has been tried", taken, len(list))
	}
}

// ask puts each stream to a Python's script.
func ask(t *testing.T, script string, list [][]byte) []string {
	t.Helper()
	var stdin bytes.Buffer
	for _, stream := range list {
		stdin.WriteString(hex.EncodeToString(stream) + "\n")
	}
	cmd := exec.CommandContext(t.Context(), djangotest.Python(t, "5.2"), "-c", script)
	cmd.Stdin = &stdin
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers []string
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		answers = append(answers, lines.Text())
	}
	if err := lines.Err(); err != nil || len(answers) != len(list) {
		t.Fatalf("%d answers to %d questions, %v", len(answers), len(list), err)
	}
	return answers
}

// somebodys is a text like a session's, or like nothing.
func somebodys(random *rand.Rand) []byte {
	alphabet := []string{"0123456789abcdef", `"_auth_user_id":"42","next":"/`, "a", "\x00\xff"}[random.IntN(4)]
	text := make([]byte, random.IntN(600))
	for i := range text {
		text[i] = alphabet[random.IntN(len(alphabet))]
		if i >= 9 && random.IntN(4) > 0 {
			text[i] = text[i-9]
		}
	}
	return text
}

// originals are whole streams of all kinds.
func originals(t *testing.T, random *rand.Rand) [][]byte {
	t.Helper()
	list := streams(t)
	for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
		for range 20 {
			var b bytes.Buffer
			w, err := flate.NewWriter(&b, level)
			if err != nil {
				t.Fatal(err)
			}
			_, wrong := w.Write(somebodys(random))
			if random.IntN(2) == 0 { // another block
				wrong = errors.Join(wrong, w.Flush())
				_, err = w.Write(somebodys(random))
			}
			if err = errors.Join(err, wrong, w.Close()); err != nil {
				t.Fatal(err)
			}
			list = append(list, b.Bytes())
		}
	}
	return list
}

// spoiled is a stream with a few changes.
func spoiled(random *rand.Rand, stream []byte) []byte {
	stream = slices.Clone(stream)
	for range random.IntN(3) {
		if len(stream) == 0 {
			break
		}
		i := random.IntN(len(stream))
		if random.IntN(2) == 0 { // codes are at the beginning
			i = random.IntN(min(len(stream), 60))
		}
		switch random.IntN(8) {
		case 0:
			stream = stream[:i]
		case 1:
			stream = append(stream, byte(random.Uint32()))
		case 2:
			stream[i] = byte(random.Uint32())
		default:
			stream[i] ^= 1 << random.IntN(8)
		}
	}
	return stream
}

// strange is a block with codes that no compressor would choose, most of them complete, and then anything.
func strange(random *rand.Rand) []byte {
	literals := randomCode(random, 257+random.IntN(30))
	if random.IntN(10) > 0 && literals[256] == 0 { // its place is somebody else's
		for i, n := range literals {
			if n > 0 {
				literals[256], literals[i] = n, 0
				break
			}
		}
	}
	distances := randomCode(random, 1+random.IntN(31))
	w := new(bitWriter).lengths(literals, distances)
	for range random.IntN(200) {
		w.bits(random.IntN(256), 8)
	}
	return w.bytes
}

// randomCode is the lengths of a code of some of so many symbols. It splits a code into two, again and again.
func randomCode(random *rand.Rand, symbols int) []int {
	lengths := []int{random.IntN(2)}
	for range random.IntN(min(symbols, []int{2, 8, 300}[random.IntN(3)])) {
		i := len(lengths) - 1
		if random.IntN(2) == 0 {
			i = random.IntN(len(lengths))
		}
		if lengths[i] < 15 && len(lengths) < symbols {
			lengths[i]++
			lengths = append(lengths, lengths[i])
		}
	}
	if random.IntN(20) == 0 {
		lengths[random.IntN(len(lengths))] = random.IntN(16)
	}
	code := make([]int, symbols)
	for i, place := range random.Perm(symbols)[:len(lengths)] {
		code[place] = lengths[i]
	}
	return code
}
