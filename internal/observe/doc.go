// Package observe is what an operator sees: metrics on an injected registry, the
// event that each request leaves in the log, and the handler that writes the log.
//
// Read metrics.go for the metrics and event.go for what an event holds.
package observe
