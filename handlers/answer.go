package handlers

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"django-sidecar/djangosession"
	"django-sidecar/internal/check"
	"django-sidecar/internal/reply"
)

// answerVerdict writes the answer to "is this session alive?".
func (s *server) answerVerdict(c echo.Context, v djangosession.Verdict, out check.Outcome) error {
	told := out.Reply()
	b := body{result: out == check.Alive, message: told.Message}
	switch out {
	case check.Alive:
		b.user, b.expires = v.User, v.Expires
	case check.Ended:
		if s.Explain {
			b.reason = v.Reason
		}
		told.Status = s.EndedStatus
	case check.Unavailable:
	}
	x, h := requestContextOf(c), c.Response().Header()
	h[echo.HeaderVary] = varyCookie
	if told.Status != http.StatusOK {
		addHeaders(h, told)
	}
	return writeText(c, told.Status, b.appendJSON(x.buffer[:0]))
}

// refuse writes a reply that is no yes.
func refuse(c echo.Context, r reply.Reply) error {
	addHeaders(c.Response().Header(), r)
	return writeText(c, r.Status, r.JSON())
}

func addHeaders(h http.Header, r reply.Reply) {
	for _, header := range r.Header {
		h.Set(header.Name, header.Value)
	}
}

// Headers that answers share; nobody changes them.
var (
	varyCookie = []string{"Cookie"}
	noStore    = []string{"no-store"} // errors too: RFC 9111 lets caches keep a 404 or 405 otherwise
	isJSON     = []string{"application/json"}
	zeroLength = []string{"0"} // the length of nothing
)

// countedLength is up to what net/http counts a body itself, which costs it less than a header that is told: "if the
// total size of all written data is under a few KB" (http.ResponseWriter, Go 1.26; 2048 bytes in server.go).
const countedLength = 1024

// write sends b as JSON.
func write(c echo.Context, status int, b any) error {
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return writeText(c, status, text)
}

// writeText sends JSON with its length; a HEAD request gets the same header and no body.
func writeText(c echo.Context, status int, text []byte) error {
	h := c.Response().Header()
	h[echo.HeaderCacheControl], h[echo.HeaderContentType] = noStore, isJSON
	head := c.Request().Method == http.MethodHead
	// A request with a body is answered before all of it has come: see package linger.
	if head || len(text) > countedLength || c.Request().ContentLength != 0 {
		h[echo.HeaderContentLength] = []string{strconv.Itoa(len(text))}
	}
	c.Response().WriteHeader(status)
	if head {
		return nil
	}
	_, err := c.Response().Write(text)
	return err
}
