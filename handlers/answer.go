package handlers

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"django-sidecar/djangosession"
	"django-sidecar/internal/answer"
)

// answerVerdict writes the answer to "is this session alive?".
func (s *server) answerVerdict(c echo.Context, v djangosession.Verdict, out answer.Outcome) error {
	words := out.Words()
	b := body{result: out == answer.Alive, message: words.Message}
	switch out {
	case answer.Alive:
		b.user, b.expires = v.User, v.Expires
	case answer.Ended:
		if s.Explain {
			b.reason = v.Reason
		}
		words.Status = s.EndedStatus
	case answer.Unavailable:
	}
	h := c.Response().Header()
	h[echo.HeaderVary] = varyCookie
	if words.Header.Name != "" && words.Status != http.StatusOK {
		h.Set(words.Header.Name, words.Header.Value)
	}
	return writeText(c, words.Status, b.appendJSON(exchangeOf(c).buffer[:0]))
}

// Headers that answers share; nobody changes them.
var (
	varyCookie = []string{"Cookie"}
	noStore    = []string{"no-store"} // errors too: RFC 9111 lets caches keep a 404 or 405 otherwise
	isJSON     = []string{"application/json"}
	zeroLength = []string{"0"} // the length of nothing
)

// shortLengths are the values of Content-Length for short texts; nobody changes them either.
var shortLengths = func() (all [len(exchange{}.buffer)][]string) {
	for n := range all {
		all[n] = []string{strconv.Itoa(n)}
	}
	return all
}()

func lengthOf(text []byte) []string {
	if len(text) < len(shortLengths) {
		return shortLengths[len(text)]
	}
	return []string{strconv.Itoa(len(text))}
}

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
	h[echo.HeaderContentLength] = lengthOf(text)
	c.Response().WriteHeader(status)
	if c.Request().Method == http.MethodHead {
		return nil
	}
	_, err := c.Response().Write(text)
	return err
}
