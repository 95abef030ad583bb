package signing

// reused is one inflater for all streams, as a pool has it: no stream may leave something behind for the next one.
var reused inflater

// Inflate is the inflater alone, without header and checksum, which few broken streams would get past.
func Inflate(dst, stream []byte, limit int) (out, rest []byte, err error) {
	return reused.inflate(dst, stream, limit)
}
