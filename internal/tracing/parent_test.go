package tracing_test

import (
	"net/http"
	"strings"
	"testing"

	"django-sidecar/internal/tracing"
)

const (
	traceID = "0af7651916cd43dd8448eb211c80319c"
	spanID  = "b7ad6b7169203331"
	parent  = "00-" + traceID + "-" + spanID + "-01"
)

// TestTraceID: what is no traceparent by W3C is none, and what is one costs no memory.
func TestTraceID(t *testing.T) {
	for _, good := range []string{
		parent, "00-" + traceID + "-" + spanID + "-00", "00-" + traceID + "-" + spanID + "-ff",
		"01-" + traceID + "-" + spanID + "-01", "cc-" + traceID + "-" + spanID + "-01-what comes later",
	} {
		if got := tracing.TraceID(good); got != traceID {
			t.Errorf("%q: %q", good, got)
		}
	}
	for _, bad := range []string{
		"", "00", traceID, parent[:54], parent + "0", parent + "-more", "ff-" + traceID + "-" + spanID + "-01",
		"00-" + strings.ToUpper(traceID) + "-" + spanID + "-01", "00-" + strings.Repeat("0", 32) + "-" + spanID + "-01",
		"00-" + traceID + "-" + strings.Repeat("0", 16) + "-01", "00_" + traceID + "_" + spanID + "_01", "0g-" + traceID + "-" + spanID + "-01",
		"00-" + traceID + "-" + spanID + "-0g", "01-" + traceID + "-" + spanID + "-01more", " " + parent, strings.Repeat("0", 1<<20),
		"00-" + traceID[:31] + "\n-" + spanID + "-01", "00-" + traceID[:31] + "\"-" + spanID + "-01",
	} {
		if got := tracing.TraceID(bad); got != "" {
			t.Errorf("%.80q: %q", bad, got)
		}
	}
	h := http.Header{"Traceparent": {parent}}
	named := ""
	if n := testing.AllocsPerRun(100, func() { named = tracing.TraceID(tracing.Parent(h)) }); n != 0 || named != traceID {
		t.Errorf("%v allocations", n)
	}
	if got := tracing.Parent(http.Header{"Traceparent": {parent, parent}}); got != "" {
		t.Errorf("two of them: %q", got)
	}
}

func FuzzTraceID(f *testing.F) {
	f.Add(parent)
	f.Add("ff-" + traceID)
	f.Fuzz(func(t *testing.T, text string) {
		if id := tracing.TraceID(text); id != "" && (len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "") {
			t.Errorf("%q: %q", text, id)
		}
	})
}
