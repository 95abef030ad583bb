package extauthz

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// FuzzCheckRequest: no message breaks the reader, what it keeps is bounded by the message, and a message that is broken is
// an error rather than another request.
func FuzzCheckRequest(f *testing.F) {
	header := appendText(appendText(nil, 1, "cookie"), 2, "sessionid=a")
	http := appendText(appendText(appendText(appendMessage(nil, 3, header), 2, "GET"), 4, "/a"), 6, "https")
	whole := appendMessage(nil, 1, appendMessage(appendMessage(nil, 4, appendMessage(nil, 2, http)), 10, appendText(nil, 1, "require")))
	f.Add(whole)
	f.Add(appendMessage(nil, 1, appendMessage(nil, 4, appendMessage(nil, 2, appendMessage(nil, 13, appendMessage(nil, 1, header))))))
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add(protowire.AppendTag(nil, 1, protowire.StartGroupType))
	f.Fuzz(func(t *testing.T, message []byte) {
		c, err := parseCheckRequest(message)
		if err != nil {
			return
		}
		q := c.question()
		kept := len(c.method) + len(c.scheme) + len(c.host) + len(c.path) + len(c.of().aliases)
		for _, cookie := range q.Cookies {
			kept += len(cookie)
		}
		if kept > len(message) {
			t.Errorf("%d bytes are kept of %d", kept, len(message))
		}
		if q.Malformed == nil && (q.Original.Method == "" || q.Original.URI == "") {
			t.Errorf("%+v is taken for a request", q.Original)
		}
		if len(c.extensions) == 0 && (q.DemandsErr != nil || q.Demands.Optional) {
			t.Errorf("requirements of nothing: %+v, %v", q.Demands, q.DemandsErr)
		}
	})
}
