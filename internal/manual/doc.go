// Package manual writes what is made of the table of commands: the man page, and the completions of bash, zsh and fish.
package manual

import (
	"errors"
	"flag"
	"strings"
)

// Command is a command of the program.
type Command struct {
	Name, Does string
	Words      []string // its argument is one of these; nil: it has none
	Flags      *flag.FlagSet
}

// option is a flag of a command, as a shell and a reader see it.
type option struct {
	name, usage string
	value       string   // what its value is called; "" for one that has none
	words       []string // the values that it may have; nil: any
	initial     string   // the default, "" where it says nothing
}

// Words is a flag whose value is one of some words.
type Words struct {
	Value   *string
	Choices []string
}

// String is the word.
func (w *Words) String() string {
	if w.Value == nil { // package flag asks the zero value too
		return ""
	}
	return *w.Value
}

// Set takes one of the words.
func (w *Words) Set(text string) error {
	for _, word := range w.Choices {
		if word == text {
			*w.Value = text
			return nil
		}
	}
	return errors.New("it is one of " + strings.Join(w.Choices, ", "))
}

func (c Command) options() (list []option) {
	c.Flags.VisitAll(func(f *flag.Flag) {
		o := option{name: f.Name}
		o.value, o.usage = flag.UnquoteUsage(f)
		if words, ok := f.Value.(*Words); ok {
			o.words, o.value = words.Choices, "word"
		}
		if f.DefValue != "" && f.DefValue != "0" && f.DefValue != "false" {
			o.initial = f.DefValue
		}
		list = append(list, o)
	})
	return list
}
