package config

import (
	"maps"
	"os"
	"slices"
	"strings"
)

// From reads settings by their full names, as docs/settings.md has them, and nothing of the process's environment. It
// is for programs that have their settings from elsewhere. A name that is no setting is a fault.
func From(settings map[string]string) (*Config, error) {
	values := valuesOf(new(djangoSettings), new(djangoSettings), new(ownSettings))
	r := &reader{values: values}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		i := slices.IndexFunc(values, func(v settingValue) bool { return v.Name == name })
		text := settings[name]
		switch {
		case i < 0:
			r.unknown(name)
		case strings.TrimSpace(text) == "":
			values[i].empty = true
		default:
			if !values[i].secret {
				text = strings.TrimSpace(text)
			}
			values[i].text, values[i].given = text, true
		}
	}
	r.environ = []string{}
	c, err := r.config(true)
	if err == nil && c.files != nil {
		settings = maps.Clone(settings)
		c.files.again = func() (*Config, error) { return From(settings) }
	}
	return c, err
}

// unknown reports a name that is no setting.
func (r *reader) unknown(name string) {
	near := r.value(r.nearest(name))
	r.faults = append(r.faults, Fault{
		Name:    strings.Trim(quote(name, quotedValue), `"`), // a name may hold anything but = and NUL
		Problem: "is not a setting; did you mean " + near.Name + "?",
		Example: near.Name + "=" + near.shown(),
	})
}

// names are the variables that there are, for who looks for misspelt ones.
func (r *reader) names() []string {
	if r.environ != nil {
		return r.environ
	}
	return os.Environ()
}
