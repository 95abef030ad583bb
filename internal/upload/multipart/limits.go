package multipart

import "cmp"

// Limits bound what a body may cost. The zero value has Django's defaults.
type Limits struct {
	// HeaderBytes bounds the header of a part, from the end of its boundary to the end of its empty line, and what
	// comes before the first part. 0 means 1024: MAX_TOTAL_HEADER_SIZE in django/http/multipartparser.py, 5.2. Before
	// 5.1, a part with a longer header was passed over.
	HeaderBytes int
	// Files bounds the number of files: DATA_UPLOAD_MAX_NUMBER_FILES. 0 means 100; below 0 there is no limit.
	Files int
	// Fields bounds the number of parts that are not files: DATA_UPLOAD_MAX_NUMBER_FIELDS. 0 means 1000; below 0
	// there is no limit.
	Fields int
	// FieldBytes bounds the fields together, each with its name and two more: DATA_UPLOAD_MAX_MEMORY_SIZE. 0 means
	// 2621440; below 0 there is no limit, and a request may fill the memory.
	FieldBytes int64
}

func (l Limits) withDefaults() Limits {
	l.HeaderBytes = cmp.Or(max(l.HeaderBytes, 0), 1024)
	l.Files, l.Fields = cmp.Or(l.Files, 100), cmp.Or(l.Fields, 1000)
	l.FieldBytes = cmp.Or(l.FieldBytes, 2621440)
	return l
}
