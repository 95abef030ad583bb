// Package conformance compares package extauthz with the two programs that decide what is right: go-control-plane,
// whose messages are Envoy's, and grpc-go, whose client calls it. It is a module of its own so that neither is a
// dependency of the sidecar.
package conformance
