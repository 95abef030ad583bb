package multipart

import "bytes"

// A finder finds a delimiter by one of its bytes, the one that is rarest in what comes. bytes.Index seeks its first
// byte, which is a line end, and stops at every line of a text.
type finder struct {
	delimiter []byte
	at        int // delimiter[at] is what is sought
	expected  int // so often in a sample
	hits      int // so often has it been found, and was not the delimiter's,
	passed    int // in so many bytes
}

const (
	// sampleBytes is what the choice is made by.
	sampleBytes = 1 << 10
	// fewBytes in a sample are no reason to choose again: random bytes have four of each.
	fewBytes = 8
	// manyBytes in a sample cost more than bytes.Index does where it compares at each place.
	manyBytes = 64
)

// index is bytes.Index(text, f.delimiter).
func (f *finder) index(text []byte) int {
	for begin := 0; ; {
		i := bytes.IndexByte(text[min(begin+f.at, len(text)):], f.delimiter[f.at])
		if i < 0 {
			return -1
		}
		begin += i
		if begin+len(f.delimiter) <= len(text) && text[begin+1] == f.delimiter[1] &&
			bytes.HasPrefix(text[begin:], f.delimiter) {
			return begin
		}
		begin++
		if f.expects(i + 1) {
			continue
		}
		if !f.choose(text[begin:]) {
			if i = bytes.Index(text[begin:], f.delimiter); i >= 0 {
				i += begin
			}
			return i
		}
	}
}

// expects counts a hit after so many bytes, and says whether there have not been too many. Until there have been,
// after a choice, the sample that it was made by has been passed: so that the time is in proportion to what is read,
// whatever that is.
func (f *finder) expects(passed int) bool {
	f.hits++
	if f.passed += passed; f.passed > sampleBytes {
		f.hits, f.passed = 1, 0
	}
	return f.hits <= 2*max(f.expected, fewBytes)
}

// choose takes the byte of the delimiter that is rarest at the beginning of text, and says whether it is rare enough.
func (f *finder) choose(text []byte) bool {
	var counts [256]int
	for _, c := range text[:min(len(text), sampleBytes)] {
		counts[c]++
	}
	f.hits, f.passed = 0, 0
	f.expected = counts[f.delimiter[f.at]]
	for at, c := range f.delimiter {
		if n := counts[c]; n < f.expected {
			f.at, f.expected = at, n
		}
	}
	return f.expected <= manyBytes
}
