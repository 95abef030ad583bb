//go:build live && gateways

package e2e

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// TestGatewaysTokens: with the lines of its page, Envoy lets tokens of the site pass below /api/, and asks about cookies elsewhere.
func TestGatewaysTokens(t *testing.T) {
	rig := newGatewayRig(t)
	ours, others := rsaKey(t), rsaKey(t)
	public := map[string]string{
		"kty": "RSA", "alg": "RS256", "use": "sig", "n": base64.RawURLEncoding.EncodeToString(ours.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(ours.E)).Bytes()),
	}
	keys, err := json.Marshal(map[string]any{"keys": []any{public}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "site.jwks.json")
	if err := os.WriteFile(file, keys, 0o600); err != nil {
		t.Fatal(err)
	}
	blocks := blocksOfPage(t, "docs/gateways/envoy.md", "## Tokens beside cookies")
	blocks[0] = strings.Replace(blocks[0], "/etc/envoy/site.jwks.json", file, 1)
	g := gatewayTest{rig: rig, addr: djangotest.EnvoyPage(t, rig.route, blocks...).Addr, gatewayUnderTest: gatewayUnderTest{name: "envoy"}}

	claims := func(changed map[string]any) map[string]any {
		all := map[string]any{"iss": "https://shop.example", "aud": "api", "exp": time.Now().Add(time.Hour).Unix(), "user_id": "42"}
		for name, value := range changed {
			all[name] = value
			if value == nil {
				delete(all, name)
			}
		}
		return all
	}
	signed := func(key *rsa.PrivateKey, changed map[string]any) string {
		return "Authorization: Bearer " + rs256(t, key, claims(changed)) + "\r\n"
	}
	good := signed(ours, nil)
	user := map[string]string{"HTTP_REMOTE_USER_ID": "42"}
	g.wantReached(t, get("/api/orders", good), user)
	g.wantReached(t, get("/api/orders", good+"Remote-User: "+forged+"\r\nRemote-User-Id: 1\r\nRemote_User_Id: 1\r\n"), user)
	g.wantReached(t, get("/api/orders", good+gatewayCookie(rig.ada)), user)
	for name, headers := range map[string]string{
		"nothing":         "",
		"a cookie":        gatewayCookie(rig.ada),
		"another key":     signed(others, nil),
		"an old one":      signed(ours, map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}),
		"one for ever":    signed(ours, map[string]any{"exp": nil}),
		"another issuer":  signed(ours, map[string]any{"iss": "https://evil.example"}),
		"no signature":    "Authorization: Bearer " + tokenOf(t, "none", claims(nil)) + ".\r\n",
		"the key as text": "Authorization: Bearer " + hs256(t, keys, claims(nil)) + "\r\n",
	} {
		if answer := g.wantRefused(t, get("/api/orders", headers), http.StatusUnauthorized); t.Failed() {
			t.Fatalf("%s: %+v", name, answer)
		}
	}
	another := signed(ours, map[string]any{"aud": "shop"})
	g.wantRefused(t, get("/api/orders", another), http.StatusForbidden)
	// A token opens nothing else, however it is spelt.
	for _, path := range []string{"/page", "/API/orders", "/api", "/apis/"} {
		g.wantReached(t, get(path, gatewayCookie(rig.bob)), gatewayBob)
		g.wantRefused(t, get(path, asScript+good), http.StatusUnauthorized)
	}
	for _, path := range []string{"/api/../page", "/api//x", "/api/%2e%2e/page"} {
		g.wantRefused(t, get(path, good), http.StatusBadRequest)
	}
	rig.sidecar[0].SetMode(djangotest.Reset())
	g.wantReached(t, get("/api/orders", good), user)
	g.wantRefused(t, get("/page", gatewayCookie(rig.bob)), http.StatusServiceUnavailable)
}

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// tokenOf is a token without its signature.
func tokenOf(t *testing.T, algorithm string, claims map[string]any) string {
	t.Helper()
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + algorithm + `","typ":"JWT"}`))
	return head + "." + base64.RawURLEncoding.EncodeToString(body)
}

func rs256(t *testing.T, key *rsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	token := tokenOf(t, "RS256", claims)
	sum := sha256.Sum256([]byte(token))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return token + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func hs256(t *testing.T, key []byte, claims map[string]any) string {
	t.Helper()
	token := tokenOf(t, "HS256", claims)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(token))
	return token + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
