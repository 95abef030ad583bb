// Package check answers one question about a request: whose is its session, and may that user pass?
//
// [Service.Verify] reads the session key from the cookies, asks for the verdict, and puts it into the log event and
// the metric. [Service.Gateway] goes on from there: it asks what the user may do, and has package gateway decide. The
// answers are the same in every protocol: handlers write them as HTTP, and internal/extauthz in Envoy's gRPC.
package check
