package extauthz

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"django-sidecar/internal/gateway"
	"django-sidecar/internal/reply"
)

// The fields of CheckResponse.
const (
	fieldStatus   protowire.Number = 1
	fieldDenied   protowire.Number = 2
	fieldOK       protowire.Number = 3
	fieldErrorful protowire.Number = 5 // error_response
)

// appendCheckResponse writes an answer as a CheckResponse. aliases are the spellings of identity headers that the
// client has used beyond the usual ones.
func appendCheckResponse(b []byte, a gateway.Answer, aliases []string) []byte {
	b = appendMessage(b, fieldStatus, numberField(uint64(codeOf(a.Action))))
	if a.Action == gateway.Allow {
		return appendMessage(b, fieldOK, okResponse(a, aliases))
	}
	refusal := refusalResponse(a.Reply)
	b = appendMessage(b, fieldDenied, refusal)
	if a.Status == style.Unavailable {
		// "We could not find out" is error_response, which lets an operator who has set failure_mode_allow have his
		// way, and is 503 otherwise. Of two members of a oneof the last one counts; an older Envoy, which does not
		// know this one, takes the other, and answers 503 where it would answer 403. A fault of the configuration is
		// no error_response: whatever Envoy is told about failures, nobody passes.
		b = appendMessage(b, fieldErrorful, refusal)
	}
	return b
}

func codeOf(a gateway.Action) reply.Code {
	switch a {
	case gateway.Allow:
		return reply.OK
	case gateway.SignIn:
		return reply.Unauthenticated
	case gateway.Forbidden:
		return reply.PermissionDenied
	case gateway.Unavailable:
	}
	return reply.CodeUnavailable
}

// staticAliases are removed from every request that passes: where Envoy's allowed_headers keeps headers from us, it
// is not known what the client has sent.
var staticAliases = gateway.Aliases()

// okResponse is an OkHttpResponse: the identity in place of whatever the client has sent under these names, and nothing
// left that a server behind Envoy may take for them.
func okResponse(a gateway.Answer, aliases []string) []byte {
	var b []byte
	for _, h := range a.Header {
		b = appendMessage(b, 2, headerValueOption(h))
	}
	for _, name := range staticAliases {
		b = appendText(b, 5, name)
	}
	for _, name := range aliases {
		if !slices.Contains(staticAliases, name) {
			b = appendText(b, 5, name)
		}
	}
	return b
}

// refusalResponse is a DeniedHttpResponse.
func refusalResponse(r reply.Reply) []byte {
	b := appendMessage(nil, 1, numberField(uint64(r.Status))) //nolint:gosec // a status of HTTP
	headers := append([]reply.Header{{Name: "cache-control", Value: "no-store"}, {Name: "vary", Value: "Cookie"}},
		r.Header...)
	text := ""
	if r.Message != "" {
		headers = append(headers, reply.Header{Name: "content-type", Value: "application/json"})
		text = string(r.JSON())
	}
	for _, h := range headers {
		b = appendMessage(b, 2, headerValueOption(h))
	}
	return appendText(b, 3, text)
}

// headerValueOption is a HeaderValueOption that replaces all that the client has sent. append=false says so to every
// Envoy; append_action, which has taken its place, is not known to those before 1.25, and passed over where append is
// there.
func headerValueOption(h reply.Header) []byte {
	value := appendText(appendText(nil, 1, strings.ToLower(h.Name)), 2, h.Value)
	return appendMessage(appendMessage(nil, 1, value), 2, nil)
}
