package vectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// ReadTable reads a file of one JSON object a line into a T each. Fewer than atLeast rows are an error, and so is a
// field that T does not have.
func ReadTable[T any](folder fs.FS, name string, atLeast int) ([]T, error) {
	text, err := fs.ReadFile(folder, name)
	if err != nil {
		return nil, err
	}
	var rows []T
	for line := range bytes.Lines(text) {
		var row T
		if err := strictJSON(line, &row); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, len(rows)+1, err)
		}
		rows = append(rows, row)
	}
	if len(rows) < atLeast {
		return nil, fmt.Errorf("%s: %d rows, expected at least %d", name, len(rows), atLeast)
	}
	return rows, nil
}

// Latin1 returns the bytes that the characters U+0000 to U+00FF of s stand for.
func Latin1(s string) (string, error) {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return "", fmt.Errorf("%q is no byte", r)
		}
		b = append(b, byte(r))
	}
	return string(b), nil
}

func strictJSON(text []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}
