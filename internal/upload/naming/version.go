package naming

import "django-sidecar/djangosession"

// behaviour is what the releases of Django differ in. Each entry is read from the newest patch release of a line.
type behaviour struct {
	// parser reads header lines. 5.2 is the first line whose newest releases use Python's email package (utils/http.py,
	// 5.2.19, parse_header_parameters); its first releases did not.
	parser headerParser
	// escapedQuotes: \" does not end a quoted value (http/multipartparser.py, 4.1, _parse_header_params).
	escapedQuotes bool
	// unquotesFirst: quotes go before filename*='s percent-encoding is undone; in 3.0 only where there is none
	// (http/multipartparser.py, 3.1, parse_header).
	unquotesFirst bool
	// boundsHeader: a header line of more than 10,000 characters is dropped (utils/http.py, 6.0, MAX_HEADER_LENGTH).
	boundsHeader bool

	// sanitizer is step 2.
	sanitizer sanitizer
	// printable: characters that are not are dropped (http/multipartparser.py, 4.1, sanitize_file_name).
	printable bool

	// validates: names are checked for path traversal, and may not be empty (core/files/utils.py, validate_file_name).
	// 2.2, 3.1 and later got it with CVE-2021-31542 and CVE-2021-45452; lines that had ended by then never did: 1.11,
	// 2.0, 2.1, 3.0.
	validates bool
	// turnsBackslashes: they are slashes for the storage (core/files/storage.py, 2.2 and 3.2, generate_filename).
	turnsBackslashes bool
	// allSuffixes: a random part goes before all suffixes, "a_R.tar.gz", not the last (core/files/storage/base.py,
	// 5.1).
	allSuffixes bool
}

type headerParser int

const (
	parsesBytes headerParser = iota // http/multipartparser.py to 4.1, parse_header
	parsesText                      // utils/http.py from 4.2, parse_header_parameters
	parsesEmail                     // the same, newest releases of 5.2 and later
)

type sanitizer int

const (
	ieSanitize    sanitizer = iota // http/multipartparser.py to 2.1, IE_sanitize
	baseSanitize                   // the same, 3.0, sanitize_file_name
	splitSanitize                  // the same, 2.2 and from 3.1, sanitize_file_name
)

func behaviourOf(v djangosession.Version) behaviour {
	is22 := v.Major == 2 && v.Minor == 2
	b := behaviour{
		escapedQuotes:    v.AtLeast(4, 1),
		unquotesFirst:    v.AtLeast(3, 1),
		boundsHeader:     v.AtLeast(6, 0),
		printable:        v.AtLeast(4, 1),
		validates:        is22 || v.AtLeast(3, 1),
		turnsBackslashes: is22 || v.AtLeast(3, 2),
		allSuffixes:      v.AtLeast(5, 1),
	}
	switch {
	case v.AtLeast(5, 2):
		b.parser = parsesEmail
	case v.AtLeast(4, 2):
		b.parser = parsesText
	}
	switch {
	case b.validates:
		b.sanitizer = splitSanitize
	case v.AtLeast(3, 0):
		b.sanitizer = baseSanitize
	}
	return b
}
