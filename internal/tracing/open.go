package tracing

import (
	"errors"
	"net/http"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// Options say where spans go. URL, Timeout and Sampler are required.
type Options struct {
	URL     string
	Headers map[string]string
	Timeout time.Duration
	// Sampler is one of OpenTelemetry's words, and Share the argument of traceidratio.
	Sampler string
	Share   float64
	// Attributes are those of the service, service.name among them.
	Attributes map[string]string
	// Report is told why spans did not reach the collector; nil: nobody is.
	Report func(error)
}

// The bounds of what waits for the collector. Spans beyond them are dropped, and no request waits.
const (
	queueSpans   = 2048
	batchSpans   = 512
	batchPeriod  = 5 * time.Second
	spanAttrs    = 16
	attributeLen = 256
)

// Open returns a tracer that posts spans in the background. Close ends it.
func Open(o Options) (*Tracer, error) {
	sampler, ok := samplerOf(o.Sampler, o.Share)
	if !ok {
		return nil, errors.New("internal error: a sampler that is not known")
	}
	if o.Report == nil {
		o.Report = func(error) {}
	}
	var attributes []attribute.KeyValue
	for key, value := range o.Attributes {
		attributes = append(attributes, attribute.String(key, value))
	}
	x := newExporter(o)
	// The SDK tells of its own troubles by a function for the whole process, and otherwise writes to stderr.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(o.Report))
	limits := sdk.SpanLimits{
		AttributeValueLengthLimit: attributeLen, AttributeCountLimit: spanAttrs,
		EventCountLimit: spanAttrs, LinkCountLimit: spanAttrs,
		AttributePerEventCountLimit: spanAttrs, AttributePerLinkCountLimit: spanAttrs,
	}
	provider := sdk.NewTracerProvider(
		sdk.WithSampler(sampler), sdk.WithResource(resource.NewSchemaless(attributes...)),
		sdk.WithRawSpanLimits(limits),
		sdk.WithBatcher(x, sdk.WithMaxQueueSize(queueSpans),
			sdk.WithMaxExportBatchSize(batchSpans), sdk.WithBatchTimeout(batchPeriod),
			sdk.WithExportTimeout(o.Timeout)),
	)
	return &Tracer{provider: provider, tracer: provider.Tracer("django-sidecar"), drop: x.dropped.Load}, nil
}

func samplerOf(name string, share float64) (sdk.Sampler, bool) {
	plain := map[string]sdk.Sampler{
		"always_on": sdk.AlwaysSample(), "always_off": sdk.NeverSample(), "traceidratio": sdk.TraceIDRatioBased(share),
	}
	if s, ok := plain[name]; ok {
		return s, true
	}
	for rest, s := range plain {
		if name == "parentbased_"+rest {
			return sdk.ParentBased(s), true
		}
	}
	return nil, false
}

// newClient follows no redirects: a collector's headers hold a token.
func newClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			Proxy: nil, MaxIdleConnsPerHost: 1, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
