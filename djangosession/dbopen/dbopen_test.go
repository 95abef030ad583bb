package dbopen_test

import (
	"path/filepath"
	"strings"
	"testing"

	"django-sidecar/djangosession/dbopen"
)

func TestOpenRefuses(t *testing.T) {
	nowhere := "sqlite:///" + filepath.Join(t.TempDir(), "none.sqlite3")
	for _, tt := range []struct {
		url  string
		o    dbopen.Options
		want string
	}{
		{"", dbopen.Options{}, "scheme://"},
		{"oracle://u:pa55@h/n", dbopen.Options{}, "Oracle"},
		{"postgres://u:pa55@h/n?sslmodes=require", dbopen.Options{}, "sslmodes"},
		{nowhere, dbopen.Options{}, "SQLite"},
		{nowhere, dbopen.Options{Conns: -1}, "negative"},
		{nowhere, dbopen.Options{Timeout: -1}, "negative"},
	} {
		d, err := dbopen.Open(t.Context(), tt.url, tt.o)
		if d != nil || err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "pa55") {
			t.Errorf("%s, %+v: %v; want an error with %q", tt.url, tt.o, err, tt.want)
		}
	}
	d, err := dbopen.Open(t.Context(), nowhere, dbopen.Options{Lazy: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
