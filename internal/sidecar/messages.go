package sidecar

import (
	"errors"
	"fmt"

	"django-sidecar/djangosite/messages"
)

// messageStorages are those of Django.
var messageStorages = map[string]messages.Kind{
	"django.contrib.messages.storage.fallback.FallbackStorage": messages.FallbackStorage,
	"django.contrib.messages.storage.cookie.CookieStorage":     messages.CookieStorage,
	"django.contrib.messages.storage.session.SessionStorage":   messages.SessionStorage,
}

// Messages is how the deployment keeps messages, by the current keys.
func (l *Local) Messages() (*messages.Format, error) {
	d := l.Current()
	c := d.config
	kind, known := messageStorages[c.MessageStorage]
	if !known {
		return nil, fmt.Errorf("DJANGO_MESSAGE_STORAGE is %.200q: messages of Django's three storages alone are known",
			c.MessageStorage)
	}
	if d.keys.derived {
		return nil, errors.New("messages need SECRET_KEY: DJANGO_SESSION_KEYS sign none")
	}
	level := messages.Level(c.MessageLevel)
	if level == 0 {
		level-- // for Options, 0 is Django's default
	}
	primary, fallbacks := d.keys.unnoted()
	return messages.New(messages.Options{
		Version: d.version, SecretKey: primary, SecretKeyFallbacks: fallbacks, HashingAlgorithm: hashingAlgorithm(c),
		Storage: kind, Level: level,
	})
}
