package sidecar

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"django-sidecar/djangosession"
	"django-sidecar/internal/config"
	"django-sidecar/internal/upload/webhook"
	"django-sidecar/signing"
)

// keyring has the keys of SECRET_KEY and of each of its fallbacks. It notes which of them the deployment asks for, so
// that the code has no list of them.
type keyring struct {
	all     []*notedKeys // the first is SECRET_KEY's
	derived bool         // DJANGO_SESSION_KEYS is given
}

func newKeyring(c *config.Config) *keyring {
	primary, fallbacks := c.Keys()
	k := &keyring{all: []*notedKeys{{keys: primary}}, derived: len(c.SessionKeys) > 0}
	for _, keys := range fallbacks {
		k.all = append(k.all, &notedKeys{keys: keys})
	}
	return k
}

func (k *keyring) primary() signing.Keys { return k.all[0] }

func (k *keyring) fallbacks() (all []signing.Keys) {
	for _, keys := range k.all[1:] {
		all = append(all, keys)
	}
	return all
}

// unnoted are the keys for what the library makes when it is asked to: derived keys do not have them.
func (k *keyring) unnoted() (primary signing.Keys, fallbacks []signing.Keys) {
	for _, keys := range k.all[1:] {
		fallbacks = append(fallbacks, keys.keys)
	}
	return k.all[0].keys, fallbacks
}

// notedKeys notes what is asked of its keys, while a deployment is made.
type notedKeys struct {
	keys    signing.Keys // nil: there are none
	used    signing.DerivedKeys
	lacking []signing.KeyName
}

// Key implements signing.Keys.
func (n *notedKeys) Key(algorithm signing.Algorithm, keySalt string) ([]byte, error) {
	if n.keys == nil {
		return nil, errors.New("there is no SECRET_KEY")
	}
	key, err := n.keys.Key(algorithm, keySalt)
	name := signing.KeyName{Algorithm: algorithm, Salt: keySalt}
	switch missing := new(signing.MissingKeyError); {
	case errors.As(err, &missing):
		if !slices.Contains(n.lacking, name) {
			n.lacking = append(n.lacking, name)
		}
	case err == nil && n.used == nil:
		n.used = signing.DerivedKeys{name: key}
	case err == nil:
		n.used[name] = key
	}
	return key, err
}

// complete fails where DJANGO_SESSION_KEYS has not all that was asked for. It names all that is missing.
func (k *keyring) complete() error {
	var lacking []string
	for i, keys := range k.all {
		var names []string
		for _, name := range keys.lacking {
			names = append(names, name.String())
		}
		if len(names) > 0 {
			lacking = append(lacking, fmt.Sprintf("item %d, for %s, lacks %s",
				i+1, secretName(i), strings.Join(names, ", ")))
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return fmt.Errorf("DJANGO_SESSION_KEYS does not have all keys that this deployment needs: %s; "+
		"make the list again, with the settings that are here: see docs/keys.md", strings.Join(lacking, "; "))
}

// secretName is what Django calls the secret at a place of the list.
func secretName(i int) string {
	if i == 0 {
		return "SECRET_KEY"
	}
	return fmt.Sprintf("SECRET_KEY_FALLBACKS[%d]", i-1)
}

// DerivedKeys returns the keys that the deployment uses, for DJANGO_SESSION_KEYS: those of SECRET_KEY and of each of
// its fallbacks, by name, in hexadecimal digits.
func DerivedKeys(c *config.Config) ([]map[string]string, error) {
	d := &Deployment{config: c}
	if err := d.openKeys(); err != nil {
		return nil, err
	}
	var list []map[string]string
	for _, keys := range d.keys.all {
		item := map[string]string{}
		for name, key := range keys.used {
			item[name.String()] = hex.EncodeToString(key)
		}
		list = append(list, item)
	}
	return list, nil
}

// form is the setting that the keys come from.
func (k *keyring) form() string {
	if k.derived {
		return "DJANGO_SESSION_KEYS"
	}
	return "DJANGO_SECRET_KEY"
}

// openKeys makes everything that signs or checks signatures. All of it is asked for before the first error is
// returned, so that one attempt is enough to find what is missing.
func (d *Deployment) openKeys() (err error) {
	c := d.config
	if d.version, err = djangosession.ParseVersion(c.DjangoVersion); err != nil {
		return fmt.Errorf("DJANGO_VERSION: %w", err)
	}
	d.keys = newKeyring(c)
	var storeErr, eventsErr, rulesErr error
	switch c.SessionEngineKind {
	case config.EngineDB, config.EngineCachedDB, config.EngineFile:
		d.codec, storeErr = newCodec(c, d.version, d.keys.primary(), d.keys.fallbacks())
	case config.EngineSignedCookies:
		d.cookies, storeErr = d.newCookies()
	case config.EngineCache: // nothing there is signed
	}
	if c.Uploads.Webhook.Reveal() != "" {
		options := d.version.SignerOptions(d.keys.primary(), nil, hashingAlgorithm(c))
		options.Salt, options.AlsoAccept = webhook.Salt, nil // it signs, and accepts nothing
		d.events, eventsErr = signing.NewTimestampSigner(options)
	}
	d.rules, rulesErr = d.newRules()
	if err := d.keys.complete(); err != nil {
		return err
	}
	return errors.Join(storeErr, eventsErr, rulesErr)
}
