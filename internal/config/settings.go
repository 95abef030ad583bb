package config

import (
	"errors"
	"reflect"
	"strings"

	"github.com/kelseyhightower/envconfig"
)

// Setting describes one setting, for documentation. What it means stands above its row, and in docs/settings.md.
type Setting struct {
	Name    string // the name in our documentation, such as DJANGO_SESSION_TABLE
	Default string // as one would write it; "" where there is none
	Example string // a value; "" where the default is example enough
	Form    string // what kind of value it is, such as duration; "" for a text
	secret  bool
}

// Settings lists every setting that is known.
func Settings() []Setting {
	values := valuesOf(&djangoSettings{}, &djangoSettings{}, &ownSettings{})
	list := make([]Setting, len(values))
	for i, v := range values {
		list[i] = v.Setting
	}
	return list
}

// settingValue is what the environment says of one setting.
type settingValue struct {
	Setting
	variable string // the variable that it was read from, or Name
	text     string // what it says, or the default
	given    bool   // a variable has it, and is not empty
	empty    bool   // a variable has it, and is empty, which counts as unset
	whole    bool   // its name is read as a whole, and never without the prefix
}

// environment reads every setting from the process's environment, in the order of the structs.
func environment() []settingValue {
	var prefixed, plain djangoSettings
	var own ownSettings
	// Read twice, because envconfig's own fallback takes an empty DJANGO_<NAME> for an answer, and does not tell which
	// of the two variables it used.
	err := errors.Join(envconfig.Process("DJANGO", &prefixed), envconfig.Process("", &plain),
		envconfig.Process("", &own))
	if err != nil {
		panic("config: envconfig refused a struct of strings") // not err, which quotes values
	}
	return valuesOf(&prefixed, &plain, &own)
}

// valuesOf joins the tags of the structs with what envconfig put into them.
func valuesOf(prefixed, plain *djangoSettings, own *ownSettings) (values []settingValue) {
	for _, source := range []struct {
		prefix       string
		first, other reflect.Value
	}{
		{"DJANGO_", reflect.ValueOf(prefixed).Elem(), reflect.ValueOf(plain).Elem()},
		{"", reflect.ValueOf(own).Elem(), reflect.ValueOf(own).Elem()},
	} {
		for i := range source.first.NumField() {
			field := source.first.Type().Field(i)
			first, ok1 := source.first.Field(i).Interface().(*string)
			other, ok2 := source.other.Field(i).Interface().(*string)
			if !ok1 || !ok2 {
				panic("config: field " + field.Name + " is no string") // a slip in this package, which any test meets
			}
			v := valueOf(field.Tag, source.prefix, first, other)
			v.whole = source.prefix == ""
			values = append(values, v)
		}
	}
	return values
}

// valueOf decides between what the prefixed variable says, which is what the plain one says where the prefixed is
// unset, and what the plain one says.
func valueOf(tag reflect.StructTag, prefix string, first, other *string) settingValue {
	plain := tag.Get("envconfig")
	v := settingValue{Setting: Setting{
		Name: prefix + plain, Default: tag.Get("otherwise"), Example: tag.Get("example"),
		Form: tag.Get("form"), secret: tag.Get("secret") != "",
	}}
	if known := tag.Get("known"); known != "" {
		v.Name = known
	}
	v.variable = v.Name
	for _, from := range []struct {
		variable string
		text     *string
	}{{plain, other}, {prefix + plain, first}} {
		if from.text == nil {
			continue
		}
		text := *from.text
		if !v.secret {
			text = strings.TrimSpace(text) // of a secret, white space may be a part
		}
		switch {
		case text == "" && !v.given && !v.empty:
			v.variable, v.empty = from.variable, true
		case text != "" && (!v.given || text != v.text): // the same text twice is envconfig's own fallback
			v.variable, v.text, v.given, v.empty = from.variable, text, true, false
		}
	}
	if !v.given {
		v.text = v.Default
	}
	return v
}
