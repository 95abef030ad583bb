// The tag is that of encoding/json/v2, which Go 1.27 has unless it is told otherwise.
//go:build (goexperiment.jsonv2 && go1.27) || go1.28

package pytext

import (
	"encoding/json"
	"encoding/json/jsontext"
	jsonv2 "encoding/json/v2"
)

// marshal is json.Marshal without escapes for HTML. It refuses texts that are not UTF-8: encoding/json of Go 1.27 puts
// U+FFFD in the place of what is none, as it writes that character itself.
func marshal(v any) ([]byte, error) {
	return jsonv2.Marshal(v, json.DefaultOptionsV1(), jsontext.EscapeForHTML(false), jsontext.AllowInvalidUTF8(false))
}
