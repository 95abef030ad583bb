package manual

import (
	"fmt"
	"strings"

	"django-sidecar/internal/config"
)

// Page is the man page django-sidecar(1), for man(7)'s macros.
func Page(version string, commands []Command, exits []string, settings []config.Setting) string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p(`.\" Made by "django-sidecar man".`)
	p(`.TH DJANGO\-SIDECAR 1 "" "django\-sidecar %s" "User Commands"`, roff(version))
	p(".SH NAME\ndjango\\-sidecar \\- %s", roff("Django's verdict on a session, beside Django"))
	p(".SH SYNOPSIS\n.B django\\-sidecar\n.I COMMAND\n[\\fIFLAGS\\fR]")
	p(".SH DESCRIPTION\nThe sidecar answers who is logged in to a Django deployment, as Django itself would. " +
		"Gateways ask it before each request.")
	p(".PP\nSettings come from the environment. Session keys and cookies come by standard input, never as arguments, " +
		"which every user of a machine can read.")
	p(".SH COMMANDS")
	for _, c := range commands {
		p(".SS %s", roff(strings.TrimSpace(c.Name+" "+strings.Join(c.Words, "|"))))
		p("%s", text(sentence(c.Does)))
		for _, o := range c.options() {
			value := o.value
			if o.words != nil {
				value = strings.Join(o.words, "|")
			}
			p(".TP\n.BR \\-%s%s", roff(o.name), valueOf(value))
			if o.initial != "" {
				o.usage += " (default: " + o.initial + ")"
			}
			p("%s", text(sentence(o.usage)))
		}
	}
	p(".SH EXIT STATUS")
	for code, meaning := range exits {
		p(".TP\n.B %d\n%s", code, text(sentence(meaning)))
	}
	p(".SH ENVIRONMENT\nEach setting, what kind of value it has, and its default. docs/settings.md explains them.")
	for _, s := range settings {
		about := s.Form
		if about == "" {
			about = "text"
		}
		if s.Default != "" {
			about += "; default " + s.Default
		}
		p(".TP\n.B %s\n%s", roff(s.Name), text(about))
	}
	p(".SH FILES\n.TP\n.I /etc/django\\-sidecar/django\\-sidecar.env\n" +
		"Where the systemd unit of the packages reads the settings from.")
	p(".SH SEE ALSO\n.BR nginx (8),\n.BR systemd.exec (5)")
	return b.String()
}

func valueOf(name string) string {
	if name == "" {
		return ""
	}
	return ` " \fI` + roff(name) + `\fR"`
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(text string) string {
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// roff is a text in which nothing has a meaning to roff.
func roff(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, `"`, `\(dq`, "^", `\(ha`, "~", `\(ti`).Replace(text)
}

// text is one line of roff, whatever it begins with.
func text(s string) string {
	if s = roff(s); strings.HasPrefix(s, ".") {
		return `\&` + s
	}
	return s
}
