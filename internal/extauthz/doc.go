// Package extauthz answers Envoy's external authorization over gRPC: envoy.service.auth.v3.Authorization/Check, and
// grpc.health.v1.Health/Check beside it. It is the only place that knows gRPC.
//
// gRPC's own transport is HTTP/2 with messages of five bytes and a length, and both services have one unary method,
// so that net/http and protobuf's wire format are all that is needed: docs/decisions/0011-grpc.md weighs it against
// grpc-go. The bytes are compared with those of go-control-plane and of grpc-go in the module of conformance/.
//
// # The sources of a question
//
// The original request is attributes.request.http: method, scheme, host and path, which has the query. Cookies, and
// what tells a page navigation, come from header_map where Envoy fills it (encode_raw_headers) and otherwise from
// headers. The requirements are the context_extensions of Envoy's route: see requirements.
//
// # Trust
//
// Whoever reaches the listener can ask about any cookie, and learns what the cookie's owner would. Envoy tells the
// attributes and not its client, so that nothing of them is in doubt; but Envoy passes on to the application every
// header that it is not told to replace or remove.
package extauthz
