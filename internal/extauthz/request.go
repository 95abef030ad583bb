package extauthz

import (
	"net/http"
	"slices"
	"strings"

	"django-sidecar/internal/gateway"
)

// checkRequest is what of a CheckRequest decides. The numbers of the fields are those of envoy/service/auth/v3/
// external_auth.proto and attribute_context.proto, and envoy/config/core/v3/base.proto, Envoy 1.40.
type checkRequest struct {
	method, scheme, host, path string
	// headers is the map, in which Envoy joins the values of a name; raw the header_map, in which it does not.
	headers, raw headerFields
	// extensions are the entries of context_extensions.
	extensions []extension
}

type extension struct{ key, value string }

// headerFields are those header fields that are looked at.
type headerFields struct {
	seen    bool // there is at least one header field
	values  http.Header
	aliases []string // the other spellings of identity headers that the client has sent
}

// parseCheckRequest reads the bytes of a CheckRequest. Fields that it does not know are passed over, as everywhere in
// protobuf; a field that is there twice counts as protobuf has it: the last text, the messages together.
func parseCheckRequest(message []byte) (*checkRequest, error) {
	c := new(checkRequest)
	var err error
	attributes := func(number int, value []byte) error {
		switch number {
		case 4: // AttributeContext.request
			return fields(value, func(number int, value []byte) error {
				if number == 2 { // Request.http
					return fields(value, c.http)
				}
				return nil
			})
		case 10: // AttributeContext.context_extensions
			e, err := mapEntry(value)
			c.extensions = append(slices.DeleteFunc(c.extensions, func(old extension) bool { return old.key == e.key }), e)
			return err
		}
		return nil
	}
	err = fields(message, func(number int, value []byte) error {
		if number == 1 { // CheckRequest.attributes
			return fields(value, attributes)
		}
		return nil
	})
	return c, err
}

// http takes a field of AttributeContext.HttpRequest.
func (c *checkRequest) http(number int, value []byte) error {
	switch number {
	case 2:
		c.method = string(value)
	case 3: // headers
		e, err := mapEntry(value)
		c.headers.set(e)
		return err
	case 4:
		c.path = string(value)
	case 5:
		c.host = string(value)
	case 6:
		c.scheme = string(value)
	case 13: // header_map
		return fields(value, func(number int, value []byte) error {
			if number != 1 { // HeaderMap.headers
				return nil
			}
			e, err := headerValue(value)
			c.raw.add(e)
			return err
		})
	}
	return nil
}

// of are the header fields: the raw ones, where Envoy sends them.
func (c *checkRequest) of() *headerFields {
	if c.raw.seen {
		return &c.raw
	}
	return &c.headers
}

// set takes an entry of the map headers: the last of a name counts.
func (h *headerFields) set(e extension) {
	delete(h.values, decisive[e.key])
	h.add(e)
}

// add takes one header field more. Envoy writes names in small letters.
func (h *headerFields) add(e extension) {
	h.seen = true
	if name := decisive[e.key]; name != "" {
		if h.values == nil {
			h.values = http.Header{}
		}
		h.values[name] = append(h.values[name], e.value)
	} else if gateway.IsAlias(e.key) && len(h.aliases) < maxAliases && !slices.Contains(h.aliases, e.key) {
		h.aliases = append(h.aliases, e.key)
	}
}

// decisive are the fields that are looked at: their names in small letters, and as http.Header has them.
var decisive = func() map[string]string {
	names := map[string]string{}
	for _, name := range append(gateway.HintHeaders(), "Cookie", "Upgrade", "Traceparent") {
		names[strings.ToLower(name)] = http.CanonicalHeaderKey(name)
	}
	return names
}()

// maxAliases bounds what a client can put into an answer: there are more spellings than anybody means well.
const maxAliases = 64
