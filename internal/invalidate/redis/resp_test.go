package redis

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func respFrom(r io.Reader) *respReader { return &respReader{br: bufio.NewReaderSize(r, 4096)} }

func readResp(text string) (respValue, error) {
	r := respFrom(strings.NewReader(text))
	h, err := r.header()
	if err != nil {
		return respValue{}, err
	}
	return r.value(h)
}

func TestRespReads(t *testing.T) {
	text := func(s string) respValue { return respValue{kind: '$', text: s} }
	for _, tt := range []struct {
		written string
		want    respValue
	}{
		{"+OK\r\n", respValue{kind: '+', text: "OK"}},
		{"-ERR no\r\n", respValue{kind: '-', text: "ERR no"}},
		{"!6\r\nERR no\r\n", respValue{kind: '-', text: "ERR no"}},
		{":-12\r\n", respValue{kind: ':', text: "-12"}},
		{"_\r\n", respValue{kind: '_'}},
		{"$-1\r\n", respValue{kind: '_'}},
		{"*-1\r\n", respValue{kind: '_'}},
		{"$0\r\n\r\n", text("")},
		{"$4\r\na\r\nb\r\n", text("a\r\nb")},
		{"*0\r\n", respValue{kind: '*'}},
		{"~2\r\n$1\r\na\r\n#t\r\n", respValue{kind: '~', parts: []respValue{text("a"), {kind: '#', text: "t"}}}},
		{"%1\r\n$1\r\na\r\n*1\r\n,1.5\r\n", respValue{kind: '%', parts: []respValue{
			text("a"), {kind: '*', parts: []respValue{{kind: ',', text: "1.5"}}},
		}}},
	} {
		got, err := readResp(tt.written)
		if err != nil {
			t.Errorf("%q: %v", tt.written, err)
		}
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(respValue{})); diff != "" {
			t.Errorf("%q: %s", tt.written, diff)
		}
	}
}

func TestRespRefuses(t *testing.T) {
	for name, written := range map[string]string{
		"no kind":                 "\r\n",
		"an unknown kind":         "?1\r\n",
		"HTTP":                    "HTTP/1.1 400 Bad Request\r\n\r\n",
		"a line without return":   "+OK\n",
		"a line without end":      "+" + strings.Repeat("a", 5000) + "\r\n",
		"no length":               "$\r\n\r\n",
		"a negative length":       "$-2\r\n",
		"a text that is too long": "$65537\r\n" + strings.Repeat("a", 65537) + "\r\n",
		"a length beyond all":     "$99999999999999999999\r\n",
		"a text without end":      "$1\r\nabc",
		"a streamed text":         "$?\r\n;1\r\na\r\n;0\r\n",
		"an attribute":            "|1\r\n+a\r\n+b\r\n+c\r\n",
		"too many parts":          "*4097\r\n" + strings.Repeat("_\r\n", 4097),
		"a map of too many":       "%2147483647\r\n",
		"many in the depth":       strings.Repeat("*4000\r\n", 3),
		"too deep":                strings.Repeat("*1\r\n", 100) + "_\r\n",
		"too much together":       "*5\r\n" + strings.Repeat("$65536\r\n"+strings.Repeat("a", 65536)+"\r\n", 5),
	} {
		if v, err := readResp(written); !errors.Is(err, errResp) {
			t.Errorf("%s: %.100v, %v", name, v, err)
		}
	}
	for _, written := range []string{"", "+", "+OK\r", "$5\r\nab", "*2\r\n+a\r\n", "%1\r\n+a\r\n"} {
		if v, err := readResp(written); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %v, %v", written, v, err)
		}
	}
}

// FuzzResp: whatever a server sends, it is read or refused, in bounds; and what is sent reads as what it was.
func FuzzResp(f *testing.F) {
	for _, seed := range []string{
		"+OK\r\n", ">2\r\n$10\r\ninvalidate\r\n*1\r\n$2\r\np:\r\n", ">2\r\n+invalidate\r\n_\r\n", "%1\r\n+a\r\n~1\r\n:1\r\n",
		">1\r\n+other\r\n", "*1\r\n*1\r\n*1\r\n$-1\r\n", "!3\r\nERR\r\n", "=5\r\ntxt:a\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, bytesHeard := 0, 0
		tracking := &Tracking{
			Prefix: "p:", Everything: func() {}, Now: time.Now,
			Heard: func(key string) { keys, bytesHeard = keys+1, bytesHeard+len(key) },
		}
		c := &trackingConn{tracking: tracking, reader: *respFrom(bytes.NewReader(data))}
		for {
			answer, told, err := c.message()
			if err != nil {
				break
			}
			if n := countResp(answer); n > maxRespParts+1 || told && n > 1 {
				t.Fatalf("%d parts", n)
			}
		}
		if bytesHeard > len(data) || keys > len(data) {
			t.Errorf("%d keys of %d bytes out of %d", keys, bytesHeard, len(data))
		}
		if cap(c.reader.buf) > maxRespText+2 {
			t.Errorf("a buffer of %d bytes", cap(c.reader.buf))
		}
		if len(data) > maxRespText {
			return
		}
		half := string(data[:len(data)/2])
		got, err := readResp(string(appendCommand(nil, string(data), half)))
		if err != nil || len(got.parts) != 2 || got.parts[0].text != string(data) || got.parts[1].text != half {
			t.Errorf("a command of %q is read as %v, %v", data, got, err)
		}
	})
}

func countResp(v respValue) int {
	n := 1
	for _, p := range v.parts {
		n += countResp(p)
	}
	return n
}
