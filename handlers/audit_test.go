package handlers_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/handlers"
	"django-sidecar/internal/observe"
)

// TestDeniedUploadsAreAudited: whatever says no, whatever the status is, and nothing else.
func TestDeniedUploadsAreAudited(t *testing.T) {
	noSession, alive := ended(djangosession.NotFound), saying(djangosession.Verdict{User: &djangosession.User{ID: "7"}}, nil)
	for name, tt := range map[string]struct {
		verifier     verifierFunc
		ended        int
		method, body string
		header       http.Header
		want         string // "": no event
	}{
		"no session":                  {noSession, 401, http.MethodPost, cordovaBody, cordovaHeader, `"reason":"not_found","method":"POST","path":"/upload","status":401,`},
		"no session, for old clients": {noSession, 200, http.MethodPost, cordovaBody, cordovaHeader, `"reason":"not_found","method":"POST","path":"/upload","status":200,`},
		"a store that fails":          {saying(djangosession.Verdict{}, errors.New("down")), 401, http.MethodPut, cordovaBody, cordovaHeader, `"status":503,`},
		"another site":                {alive, 401, http.MethodPost, cordovaBody, requestHeader(cordovaHeader, http.Header{"Sec-Fetch-Site": {"cross-site"}}), `"status":403,`},
		"no file":                     {alive, 401, http.MethodPost, "--+++++--\r\n", cordovaHeader, `"user_id":"7","session":"`},
		"stored":                      {alive, 401, http.MethodPost, cordovaBody, cordovaHeader, ""},
		"a question of a browser":     {alive, 401, http.MethodOptions, "", cordovaHeader, ""},
		"not an upload":               {noSession, 401, http.MethodGet, "", cordovaHeader, ""},
	} {
		var log bytes.Buffer
		audit, err := observe.OpenAudit(observe.AuditOptions{Writer: &log, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		_, uploads := uploading(t)
		h := newHandler(tt.verifier, uploads, func(o *handlers.Options) { o.Audit, o.EndedStatus = audit, tt.ended })
		r := httptest.NewRequest(tt.method, "/upload", strings.NewReader(tt.body))
		r.Header = tt.header
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if err := audit.Close(); err != nil {
			t.Fatal(err)
		}
		events := strings.Count(log.String(), `"event":"upload_denied"`)
		if tt.want == "" && log.Len() > 0 || tt.want != "" && (events != 1 || !strings.Contains(log.String(), tt.want)) {
			t.Errorf("%s: got %d, and the audit log has %q, want %s in it", name, w.Code, &log, tt.want)
		}
		if strings.Contains(log.String(), sessionKey) {
			t.Errorf("%s: the audit log has the session key", name)
		}
	}
}
