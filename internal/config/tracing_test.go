package config_test

import (
	"maps"
	"strings"
	"testing"
	"time"
)

// TestTraces: OpenTelemetry's words count where traces are on, and are nobody's fault where they are off.
func TestTraces(t *testing.T) {
	words := env{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_TRACES_SAMPLER": "xray",
		"OTEL_TRACES_SAMPLER_ARG": "endpoint=http://x", "OTEL_EXPORTER_OTLP_TIMEOUT": "10s", "OTEL_EXPORTER_OTLP_HEADERS": "no pair",
	}
	if c := mustLoad(t, with(words)); c.Traces.URL != "" {
		t.Errorf("traces are on: %+v", c.Traces)
	}
	words["SIDECAR_TRACES"] = "otlp"
	faults := faultsOf(t, with(words))
	if len(faults) != 5 {
		t.Errorf("%d faults: %v", len(faults), faults)
	}
	for _, tt := range []struct {
		more env
		url  string
	}{
		{env{}, "http://localhost:4318/v1/traces"},
		{env{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c.example/otlp/"}, "https://c.example/otlp/v1/traces"},
		{env{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c.example", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://t.example/own"}, "https://t.example/own"},
	} {
		e := with(env{"SIDECAR_TRACES": "otlp"})
		maps.Copy(e, tt.more)
		if c := mustLoad(t, e); c.Traces.URL != tt.url || c.Traces.Timeout != 10*time.Second || c.Traces.Sampler != "parentbased_always_on" || c.Traces.SamplerArg != 1 {
			t.Errorf("%v: %+v", tt.more, c.Traces)
		}
	}
	c := mustLoad(t, with(env{
		"SIDECAR_TRACES": "otlp", "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20t0ken, x=1", "OTEL_RESOURCE_ATTRIBUTES": "a=b%2Cc,service.name=shop",
		"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25",
	}))
	if got := c.Traces.Headers["authorization"].Reveal(); got != "Bearer t0ken" || c.Traces.Resource["a"] != "b,c" || c.Traces.SamplerArg != 0.25 {
		t.Errorf("%q, %v", got, c.Traces.Resource)
	}
	for _, bad := range []string{"ftp://x", "collector:4318", "http://user:pw@c", "http://c/?token=x"} {
		found := faultsOf(t, with(env{"SIDECAR_TRACES": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": bad}))
		if len(found) != 1 || !strings.Contains(found[0].Problem, "URL") {
			t.Errorf("%s: %v", bad, found)
		}
	}
}
