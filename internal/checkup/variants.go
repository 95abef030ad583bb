package checkup

import (
	"fmt"
	"slices"

	"django-sidecar/djangosession"
	"django-sidecar/internal/config"
)

// Trial is a deployment with other settings than its own.
type Trial struct {
	Codec    *djangosession.Codec
	Verifier *djangosession.Verifier
	// Store is that of the engine; nil where other settings change nothing about it.
	Store djangosession.Store
}

// variant is a deployment with one setting changed.
type variant struct {
	config *config.Config
	means  string // what is changed, such as "with SESSION_SERIALIZER …"; it holds nothing secret
	form   string // of a change of DJANGO_VERSION: which Djangos write such sessions
	older  bool   // these Djangos are older than the deployment's
}

// variants are what a deployment may have meant, the likeliest first.
func variants(c *config.Config) (all []variant) {
	own, err := djangosession.ParseVersion(c.DjangoVersion)
	if err != nil {
		return nil
	}
	with := func(means string, change func(*config.Config)) variant {
		other := *c
		other.SecretKeyFallbacks = slices.Clone(c.SecretKeyFallbacks)
		change(&other)
		return variant{config: &other, means: means}
	}
	// These stand for the three ways in which Djangos have written sessions.
	for _, v := range []struct{ version, form string }{
		{"5.2", "Django 4.0 or newer"}, {"3.0", "Django 3.0 or older"}, {"3.2", "Django 3.1 or 3.2"},
	} {
		one := with("with DJANGO_VERSION of "+v.form, func(o *config.Config) { o.DjangoVersion = v.version })
		other, _ := djangosession.ParseVersion(v.version) // it is one
		if own.AtLeast(3, 1) == other.AtLeast(3, 1) && own.AtLeast(4, 0) == other.AtLeast(4, 0) {
			continue // what a newer one of the same form takes besides are fallback keys, which are tried below
		}
		one.form, one.older = v.form, own.AtLeast(other.Major, other.Minor+1)
		all = append(all, one)
	}
	if c.DefaultHashingAlgorithm == "sha1" {
		all = append(all, with("without DJANGO_DEFAULT_HASHING_ALGORITHM=sha1",
			func(o *config.Config) { o.DefaultHashingAlgorithm = "sha256" }))
	} else {
		all = append(all, with("with DJANGO_DEFAULT_HASHING_ALGORITHM=sha1",
			func(o *config.Config) { o.DefaultHashingAlgorithm = "sha1" }))
	}
	for i := range c.SessionKeys { // of derived keys, nobody knows how the secret was spelt
		if i > 0 {
			all = append(all, with(fmt.Sprintf("with item %d of DJANGO_SESSION_KEYS as the first: Django %s does "+
				"not take it as a fallback", i+1, c.DjangoVersion),
				func(o *config.Config) { o.SessionKeys = c.SessionKeys[i:] }))
		}
	}
	if len(c.SessionKeys) == 0 {
		all = append(all, otherSecrets(c, with)...)
	}
	const class = "SessionStore"
	if c.SessionStoreClass != class {
		all = append(all, with("with DJANGO_SESSION_STORE_CLASS="+class,
			func(o *config.Config) { o.SessionStoreClass = class }))
	}
	other, setting := djangosession.Pickle, "django.contrib.sessions.serializers.PickleSerializer"
	if c.SessionSerializer == djangosession.Pickle {
		other, setting = djangosession.JSON, "django.contrib.sessions.serializers.JSONSerializer"
	}
	return append(all, with("with DJANGO_SESSION_SERIALIZER="+setting,
		func(o *config.Config) { o.SessionSerializer = other }))
}

// otherSecrets are the variants of SECRET_KEY and its fallbacks.
func otherSecrets(c *config.Config, with func(string, func(*config.Config)) variant) (all []variant) {
	for _, v := range config.VariantsOf(c.SecretKey) {
		all = append(all, with("with DJANGO_SECRET_KEY "+v.Means, func(o *config.Config) { o.SecretKey = v.Key }))
	}
	for i, fallback := range c.SecretKeyFallbacks {
		item := fmt.Sprintf("item %d of DJANGO_SECRET_KEY_FALLBACKS", i+1)
		all = append(all, with("with "+item+" as SECRET_KEY: Django "+c.DjangoVersion+" does not take it as a fallback",
			func(o *config.Config) { o.SecretKey = fallback }))
		for _, v := range config.VariantsOf(fallback) {
			all = append(all, with("with "+item+" "+v.Means,
				func(o *config.Config) { o.SecretKeyFallbacks[i] = v.Key }))
		}
	}
	return all
}
