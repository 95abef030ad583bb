package upload_test

import (
	"net/http"
	"testing"

	"django-sidecar/internal/upload"
)

func TestAgree(t *testing.T) {
	t.Parallel()
	const png, page = "\x89PNG\r\n\x1a\n", "<html><script>"
	for _, tt := range []struct {
		name, content string
		want          bool
	}{
		{"a.png", png, true},
		{"A.PNG", png, true},
		{"a.jpg", png, false},
		{"a.png", page, false},
		{"a.png", "", false},
		{"a.html", page, true},
		{"a.txt", page, false},
		{"a.txt", "plain", true},
		{"a.txt", png, false},
		{"a.csv", "a;b\n", true},
		{"a.pdf", "%PDF-1.7", true},
		{"a.docx", "PK\x03\x04", true},
		{"a.docx", png, false},
		{"a.mp3", "\x00\x01", true},
		{"a.mp3", page, false},
		{"a.svg", "<?xml version='1.0'?><svg>", true},
		{"a.dat", "\x00\x01", true},
		{"a.dat", page, false},
		{"a", page, false},
		{"a", "<?xml ", false},
		{"a.html.png", page, false},
		{"", "\x00", true},
	} {
		if got := upload.Agree(tt.name, http.DetectContentType([]byte(tt.content))); got != tt.want {
			t.Errorf("%s with %q: %v", tt.name, tt.content, got)
		}
	}
}
