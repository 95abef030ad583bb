package sidecar

import (
	"context"
	"errors"
	"fmt"

	"django-sidecar/djangosession"
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

// SessionEntry is an entry of the session under a key, the zero Value where there is no such entry or session.
func (l *Local) SessionEntry(ctx context.Context, key, name string) (djangosession.Value, error) {
	d := l.Current()
	if !djangosession.ValidSessionKey(key) {
		return djangosession.Value{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, d.config.StoreTimeout)
	defer cancel()
	session, err := d.sessions.Load(ctx, key)
	if djangosession.IsAnswer(err) {
		return djangosession.Value{}, nil
	}
	if err != nil {
		return djangosession.Value{}, err
	}
	return session.Lookup(name), nil
}
