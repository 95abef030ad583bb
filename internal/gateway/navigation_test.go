package gateway_test

import (
	"testing"

	"django-sidecar/internal/gateway"
)

func TestNavigation(t *testing.T) {
	t.Parallel()
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	tests := []struct {
		name  string
		hints gateway.Hints
		want  bool
	}{
		{"nothing is said", gateway.Hints{}, false},
		{"a browser says that it navigates", gateway.Hints{SecFetchMode: "navigate", SecFetchDest: "document", Accept: browser}, true},
		{"a frame is a page", gateway.Hints{SecFetchMode: "navigate", SecFetchDest: "iframe"}, true},
		{"an app's web view names itself", gateway.Hints{SecFetchMode: "navigate", RequestedWith: "org.example.app"}, true},
		{"a script that fetches HTML", gateway.Hints{SecFetchMode: "cors", SecFetchDest: "empty", Accept: browser}, false},
		{"a script of the same origin", gateway.Hints{SecFetchMode: "same-origin", Accept: "text/html"}, false},
		{"an image", gateway.Hints{SecFetchMode: "no-cors", SecFetchDest: "image", Accept: "image/*"}, false},
		{"a WebSocket", gateway.Hints{SecFetchMode: "websocket", Upgrade: "websocket"}, false},
		{"a WebSocket that claims to navigate", gateway.Hints{SecFetchMode: "navigate", Upgrade: "WebSocket"}, false},
		{"a WebSocket among other upgrades", gateway.Hints{Accept: "text/html", Upgrade: "h2c, websocket"}, false},
		{"an upgrade to HTTP/2 is none", gateway.Hints{Accept: "text/html", Upgrade: "h2c"}, true},
		{"capitals are no value of the header", gateway.Hints{SecFetchMode: "NAVIGATE", Accept: browser}, false},
		{"only the destination is known", gateway.Hints{SecFetchDest: "document"}, true},
		{"only the destination is known, of a script", gateway.Hints{SecFetchDest: "empty", Accept: browser}, false},
		{"an older browser wants HTML", gateway.Hints{Accept: browser}, true},
		{"HTML comes second", gateway.Hints{Accept: "application/xml, Text/HTML ;q=0.5"}, true},
		{"jQuery wants HTML", gateway.Hints{Accept: "text/html, */*; q=0.01", RequestedWith: "XMLHttpRequest"}, false},
		{"curl takes everything", gateway.Hints{Accept: "*/*"}, false},
		{"a script wants JSON", gateway.Hints{Accept: "application/json"}, false},
		{"a longer type is another one", gateway.Hints{Accept: "text/html-fragment"}, false},
		{"HTML is refused", gateway.Hints{Accept: "application/json, text/html;q=0"}, false},
		{"HTML is refused with decimals", gateway.Hints{Accept: "text/html;level=1; q=0.000"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.hints.Navigation(); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
