package config

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"
)

// maxFileBytes bounds a file that holds a secret.
const maxFileBytes = 64 << 10

// readFile remembers what a file held, without holding it: the reader compares, and never needs it again.
type readFile struct {
	name, path string // the setting, and the file
	sum        [sha256.Size]byte
}

// sumOf stands for what contentOf returns.
func sumOf(content, problem string) [sha256.Size]byte {
	return sha256.Sum256([]byte(problem + "\x00" + content)) // no problem has a NUL
}

// secret is a setting that may be given as a file instead, and whether it was.
func (r *reader) secret(name string) (text string, fromFile bool) {
	direct, file := r.value(name), r.value(name+"_FILE")
	switch {
	case direct.given && file.given:
		r.fault(name, "is set, and so is "+file.variable+": keep one of them")
		return "", false
	case file.given:
		text, fromFile = r.content(name, file), true
	default:
		text = direct.text
	}
	if !utf8.ValidString(text) { // os.environ would not have given it to Django
		r.fault(direct.Name, "is not UTF-8")
		return "", fromFile
	}
	return text, fromFile
}

// content is what the file of a setting holds, "" after a fault. It is watched under this name.
func (r *reader) content(name string, file settingValue) string {
	content, problem := contentOf(file.text)
	if problem != "" {
		r.fault(file.Name, problem)
		return ""
	}
	r.files = append(r.files, readFile{name, file.text, sumOf(content, "")})
	return content
}

// given reports whether a variable or a file says what the secret is.
func (r *reader) given(name string) bool { return r.value(name).given || r.value(name+"_FILE").given }

// required is a secret that must be there, and false after a fault.
func (r *reader) required(name, what string) (string, bool) {
	faults := len(r.faults)
	text, _ := r.secret(name)
	switch {
	case len(r.faults) > faults:
	case text != "":
		return text, true
	case r.value(name).empty:
		r.fault(name, "is empty: it must be "+what)
	default:
		r.fault(name, "is not set: it must be "+what)
	}
	return "", false
}

// contentOf is what a file holds, less one newline at its end. The problem continues the setting's name in a Fault.
func contentOf(path string) (content, problem string) {
	// A secret that was put where its path belongs would be printed as the path.
	if !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "./") && !strings.HasPrefix(path, "../") {
		return "", "is not the path of a file: it must begin with / or ./"
	}
	raw, err := readBounded(path)
	if err != nil {
		var pathError *fs.PathError
		if errors.As(err, &pathError) {
			err = pathError.Err // the reason alone: the path is named here
		}
		return "", "names " + quote(path, quotedPath) + ", which cannot be read: " + err.Error()
	}
	content, ended := strings.CutSuffix(string(raw), "\n")
	if ended {
		content = strings.TrimSuffix(content, "\r") // a newline of Windows is one newline
	}
	switch {
	case content == "":
		problem = "is empty"
	case strings.TrimSpace(content) == "":
		problem = "holds nothing but white space"
	case strings.ContainsRune(content, 0): // what a power cut can leave of a file, and no secret
		problem = "holds a NUL byte"
	case !utf8.ValidString(content): // a text file would not have given it to Django
		problem = "is not UTF-8"
	default:
		return content, ""
	}
	return "", "names " + quote(path, quotedPath) + ", which " + problem
}

// readBounded opens the path anew each time: Kubernetes replaces a mounted secret by swapping a symbolic link.
func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a pipe would block, or be empty the second time
		return nil, errors.New("not a regular file")
	}
	file, err := os.Open(path) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	raw, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err == nil && len(raw) > maxFileBytes {
		err = errors.New("larger than 64 KiB")
	}
	return raw, err
}
