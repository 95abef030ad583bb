// Package answer finds the answer to "who is this?": it asks the stores, and lets package gateway decide. The answer is the
// same in every protocol: handlers write it as HTTP, and internal/extauthz as what Envoy's gRPC has for it.
package answer
