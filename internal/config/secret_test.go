package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"django-sidecar/internal/config"
)

const hidden = "hunter2"

// renderings is every way in which a value might reach a log.
func renderings(t *testing.T, v any) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %t %p %T %60v") {
		out[verb] = fmt.Sprintf(verb, v)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out["JSON"] = string(raw)
	var text, js bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&js, nil)).Info("m", "v", v)
	out["slog text"], out["slog JSON"] = text.String(), js.String()
	out["error"] = fmt.Errorf("doing x: %w, %v", fmt.Errorf("%v", v), v).Error()
	return out
}

// wantHidden fails where a rendering holds the hidden text, plain or in hexadecimal.
func wantHidden(t *testing.T, v any) {
	t.Helper()
	for how, text := range renderings(t, v) {
		lower := strings.ToLower(text)
		for _, leak := range []string{hidden, fmt.Sprintf("%x", hidden), strings.Trim(fmt.Sprintf("%v", []byte(hidden)), "[]")} {
			if strings.Contains(lower, leak) {
				t.Errorf("%s shows the secret: %s", how, text)
			}
		}
	}
}

func TestSecretPrintsAsRedacted(t *testing.T) {
	s := config.NewSecret(hidden)
	if s.Reveal() != hidden || (config.Secret{}).Reveal() != "" {
		t.Error("Reveal is not the text")
	}
	text, err := s.MarshalText()
	if err != nil || string(text) != "[redacted]" || s.String() != "[redacted]" || s.GoString() != "[redacted]" ||
		s.LogValue().String() != "[redacted]" {
		t.Errorf("got %s, %v, %v, %#v, %v", text, err, s.String(), s.GoString(), s.LogValue())
	}
	for how, text := range renderings(t, s) { // %T and %p are fmt's own: a type, and an address
		if how != "%T" && how != "%p" && !strings.Contains(text, "[redacted]") {
			t.Errorf("%s: got %s", how, text)
		}
	}
	type unexported struct{ s config.Secret } // whose methods fmt does not call
	wantHidden(t, s)
	wantHidden(t, &s)
	wantHidden(t, []config.Secret{s})
	wantHidden(t, map[string]config.Secret{"k": s})
	wantHidden(t, unexported{s})
	wantHidden(t, &unexported{s})
}

func TestSecretEqual(t *testing.T) {
	a, b := config.NewSecret(hidden), config.NewSecret(hidden)
	if !a.Equal(b) || a.Equal(config.NewSecret("hunter3")) || a.Equal(config.Secret{}) || !(config.Secret{}).Equal(config.NewSecret("")) {
		t.Error("Equal does not compare the texts")
	}
}

func TestConfigPrintsNoSecret(t *testing.T) {
	for _, e := range []env{
		{"SECRET_KEY": hidden, "SECRET_KEY_FALLBACKS": hidden + ",x", "DATABASE_URL": "postgres://u:hunter2@h/n", "CACHE_URL": hidden},
		{
			"SECRET_KEY_FILE": write(t, hidden), "SECRET_KEY_FALLBACKS_FILE": write(t, hidden),
			"DATABASE_URL_FILE": write(t, "postgres://u:hunter2@h/n"), "CACHE_URL_FILE": write(t, hidden), "DJANGO_VERSION": "3.2",
		},
	} {
		c := mustLoad(t, e)
		if c.SecretKey.Reveal() != hidden || len(c.Warnings) == 0 {
			t.Fatal("the test hides nothing, or warns of nothing")
		}
		type holder struct{ c config.Config }
		wantHidden(t, c)
		wantHidden(t, *c)
		wantHidden(t, holder{*c})
		wantHidden(t, c.Warnings)
	}
}

func TestNothingSecretInFaults(t *testing.T) {
	names := []string{
		"SECRET_KEY", "SECRET_KEY_FALLBACKS", "DATABASE_URL", "CACHE_URL",
		"SECRET_KEY_FILE", "SECRET_KEY_FALLBACKS_FILE", "DATABASE_URL_FILE", "CACHE_URL_FILE",
	}
	texts := []string{
		hidden, "hunter2,,hunter2", `["hunter2",""]`, `["hunter2"`, `[hunter2]`, `{"hunter2":1}`, "hunter2\xff", "hunter2://h/n",
		"mysql://u:hunter2@h/n", "mysql2:hunter2", "postgres:/hunter2", "postgres//u:hunter2@h", " \nhunter2\n",
	}
	faults := 0
	for _, name := range names {
		for _, text := range texts {
			for _, e := range []env{{name: text}, {"DJANGO_" + name: text, "SIDECAR_LISTEN": "x"}} {
				_, err := load(t, e)
				if err == nil {
					t.Fatal("one of the required secrets is missing, and there is no fault")
				}
				faults++
				wantHidden(t, err)
				wantHidden(t, err.Error())
			}
			if !strings.HasSuffix(name, "_FILE") {
				_, err := load(t, env{name + "_FILE": write(t, text), name: text, "DATABASE_URL_FILE": write(t, text)})
				wantHidden(t, err)
				_, err = load(t, env{name + "_FILE": write(t, text)})
				wantHidden(t, err)
			}
		}
	}
	if faults != 2*len(names)*len(texts) {
		t.Errorf("tried %d", faults)
	}
}

func TestQuotedValuesAreBounded(t *testing.T) {
	for _, name := range []string{"SIDECAR_LISTEN", "SIDECAR_TRUSTED_PROXIES", "AUTHENTICATION_BACKENDS", "SESSION_ENGINE", "TIME_ZONE"} {
		faults := faultsOf(t, with(env{name: strings.Repeat("é!", 5000)}))
		if n := len([]rune(faults[0].String())); n > 350 {
			t.Errorf("%s: a line of %d characters", name, n)
		}
		if !strings.Contains(faults[0].Problem, strings.Repeat("é!", 30)+"…") {
			t.Errorf("%s: 60 characters are not quoted: %s", name, faults[0].Problem)
		}
	}
	faults := faultsOf(t, with(env{"SIDECAR_LISTEN": "a\nb\x1b[31m"}))
	if strings.ContainsAny(faults[0].String(), "\n\x1b") {
		t.Errorf("control characters are printed: %q", faults[0])
	}
}
