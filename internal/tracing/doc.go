// Package tracing sends traces of requests to an OpenTelemetry collector, and
// is the only importer of OpenTelemetry. Where there are no traces, there is
// no *Tracer.
//
// The spans are those of the official SDK, and so are sampling, the bounded
// queue and the batches. What posts them is our own (export.go), because the
// SDK's brings gRPC along: see docs/decisions/0020-opentelemetry.md.
package tracing
