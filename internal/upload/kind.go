package upload

import (
	"path"
	"slices"
	"strings"
)

// kinds are the types that http.DetectContentType finds in files of each ending. It knows little of films and sound,
// and says application/octet-stream then.
var kinds = map[string][]string{
	".jpg": {"image/jpeg"}, ".jpeg": {"image/jpeg"}, ".png": {"image/png"}, ".gif": {"image/gif"},
	".webp": {"image/webp"},
	".bmp":  {"image/bmp"}, ".ico": {"image/x-icon"}, ".pdf": {"application/pdf"},
	".zip": {zip}, ".docx": {zip}, ".xlsx": {zip}, ".pptx": {zip}, ".odt": {zip}, ".ods": {zip}, ".odp": {zip},
	".epub": {zip},
	".gz":   {"application/x-gzip"}, ".tgz": {"application/x-gzip"}, ".rar": {"application/x-rar-compressed"},
	".mp4": {"video/mp4", unknown}, ".m4v": {"video/mp4", unknown}, ".mov": {
		"video/mp4",
		unknown,
	}, ".webm": {"video/webm"}, ".avi": {"video/avi"},
	".mp3": {"audio/mpeg", unknown}, ".wav": {"audio/wave"}, ".ogg": {"application/ogg"},
	".txt": {text}, ".csv": {text}, ".md": {text}, ".json": {text}, ".log": {text},
	".html": {"text/html", text}, ".htm": {"text/html", text}, ".xml": {"text/xml", text}, ".svg": {
		"text/xml",
		"text/html", text,
	},
}

const (
	text    = "text/plain"
	zip     = "application/zip"
	unknown = "application/octet-stream"
)

// Agree says whether a file's first bytes look like what the ending of its name promises. Where that is nothing in
// particular, they may look like anything but a page, which a browser would run.
func Agree(name, detectedType string) bool {
	detected, _, _ := strings.Cut(detectedType, ";")
	allowed, ok := kinds[strings.ToLower(path.Ext(name))]
	if !ok {
		return detected != "text/html" && detected != "text/xml"
	}
	return slices.Contains(allowed, detected)
}
