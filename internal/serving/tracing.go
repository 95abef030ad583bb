package serving

import (
	"context"
	"maps"
	"time"

	"django-sidecar/internal/observe"
	"django-sidecar/internal/tracing"
)

const (
	traceFailuresEach = time.Minute     // of the log
	traceStop         = 2 * time.Second // for the last spans
)

// openTracer makes what sends traces, if the settings say so.
func (sv *server) openTracer(ctx context.Context) (err error) {
	t := sv.Config.Traces
	if t.URL == "" {
		return nil
	}
	attributes := map[string]string{"service.version": sv.build.Version}
	maps.Copy(attributes, t.Resource)
	if t.ServiceName != "" {
		attributes["service.name"] = t.ServiceName
	}
	if attributes["service.name"] == "" {
		attributes["service.name"] = "django-sidecar"
	}
	headers := map[string]string{}
	for name, value := range t.Headers {
		headers[name] = value.Reveal()
	}
	failures := new(observe.Seldom)
	sv.tracer, err = tracing.Open(tracing.Options{
		URL: t.URL, Headers: headers, Timeout: t.Timeout, Sampler: t.Sampler,
		Share: t.SamplerArg, Attributes: attributes,
		Report: func(err error) {
			if failures.Due(time.Now(), traceFailuresEach) {
				sv.Logger.WarnContext(ctx, "traces", "error", err.Error())
			}
		},
	})
	if err == nil {
		sv.Metrics.SpansUndelivered(sv.tracer.Dropped)
	}
	return err
}

// closeTracer sends the last spans. A collector that does not answer does not hold the end up.
func (sv *server) closeTracer(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), traceStop)
	defer cancel()
	sv.LogIfError(ctx, "sending the last spans", sv.tracer.Close(ctx))
}
