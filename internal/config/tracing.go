package config

import (
	"net/url"
	"strings"
	"time"
)

// TraceSettings say where traces go. They are OpenTelemetry's own, and are read only where SIDECAR_TRACES is on.
type TraceSettings struct {
	URL         string            // where traces are posted; empty: there are none
	Headers     map[string]Secret // sent along; none
	Timeout     time.Duration     // of a post; 10s
	Sampler     string            // parentbased_always_on
	SamplerArg  float64           // the share of a traceidratio; 1
	ServiceName string            // django-sidecar
	Resource    map[string]string // more attributes of the service; none
}

// readTraces reads the settings of traces. What other programs of the same environment are told is no fault while
// traces are off.
func (c *Config) readTraces(r *reader) {
	if r.oneOf("SIDECAR_TRACES", "off", "otlp") != "otlp" {
		return
	}
	const protocol = "OTEL_EXPORTER_OTLP_PROTOCOL"
	t := &c.Traces
	t.URL = r.traceURL()
	if r.text(protocol) != "http/protobuf" {
		r.refuse(protocol, "http/protobuf, or be left out; the port of OTLP over HTTP is 4318")
	}
	t.Headers, t.Resource = map[string]Secret{}, map[string]string{}
	for name, value := range r.pairs("OTEL_EXPORTER_OTLP_HEADERS") {
		t.Headers[name] = NewSecret(value)
	}
	for name, value := range r.pairs("OTEL_RESOURCE_ATTRIBUTES") {
		t.Resource[name] = value
	}
	t.ServiceName = r.text("OTEL_SERVICE_NAME")
	t.Timeout = time.Duration(r.number("OTEL_EXPORTER_OTLP_TIMEOUT", 1, 600_000)) * time.Millisecond
	t.Sampler = r.oneOf("OTEL_TRACES_SAMPLER", "always_on", "always_off", "traceidratio", "parentbased_always_on",
		"parentbased_always_off", "parentbased_traceidratio")
	t.SamplerArg, _ = r.share("OTEL_TRACES_SAMPLER_ARG", "0.1")
}

// traceURL is that of traces, or that of all signals with the path of traces
// (https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp).
func (r *reader) traceURL() string {
	name, path := "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ""
	if !r.value(name).given {
		name, path = "OTEL_EXPORTER_OTLP_ENDPOINT", "/v1/traces"
	}
	text := r.text(name)
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		r.refuse(name, "a URL of http or https without a user or a query, such as http://localhost:4318")
		return ""
	}
	return strings.TrimSuffix(text, "/") + path
}

// pairs are key=value between commas, the values percent-encoded, as OpenTelemetry writes headers and attributes.
func (r *reader) pairs(name string) map[string]string {
	pairs := map[string]string{}
	for item := range strings.SplitSeq(r.text(name), ",") {
		if strings.TrimSpace(item) == "" {
			continue
		}
		key, value, found := strings.Cut(item, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if key = strings.TrimSpace(key); !found || key == "" || err != nil || unprintable.MatchString(key+value) {
			r.refuse(name, "key=value between commas, with values percent-encoded")
			return nil
		}
		pairs[key] = value
	}
	return pairs
}
