package manual

import (
	"fmt"
	"strings"
)

// Shells have completions.
func Shells() []string { return []string{"bash", "zsh", "fish"} }

// Completion is the program that completes the commands in a shell.
func Completion(shell string, commands []Command) string {
	switch shell {
	case "bash":
		return bash(commands)
	case "zsh":
		return zsh(commands)
	default:
		return fish(commands)
	}
}

// bash needs no package bash-completion, and runs in the bash 3.2 of macOS.
func bash(commands []Command) string {
	var b, names strings.Builder
	for _, c := range commands {
		names.WriteString(" " + c.Name)
	}
	b.WriteString(`# Made by "django-sidecar completion bash".
_django_sidecar() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words='' values='' line
	COMPREPLY=()
	# bash takes -format=env for three words.
	if [[ $current == = ]]; then
		current=
	elif [[ $previous == = ]] && ((COMP_CWORD > 2)); then
		previous=${COMP_WORDS[COMP_CWORD-2]}
	fi
	if ((COMP_CWORD == 1)); then
		words='`)
	b.WriteString(strings.TrimSpace(names.String()) + `'
	else
		case ${COMP_WORDS[1]}:${previous/#--/-} in
`)
	for _, c := range commands {
		for _, o := range c.options() {
			switch {
			case o.value == "":
			case o.words != nil:
				fmt.Fprintf(&b, "\t\t%s:-%s) words='%s' values='words' ;;\n",
					c.Name, o.name, strings.Join(o.words, " "))
			default:
				fmt.Fprintf(&b, "\t\t%s:-%s) values='%s' ;;\n", c.Name, o.name, o.kind())
			}
		}
	}
	b.WriteString("\t\tesac\n\t\t[[ -n $values ]] || case ${COMP_WORDS[1]} in\n")
	for _, c := range commands {
		words := c.Words
		for _, o := range c.options() {
			words = append(words[:len(words):len(words)], "-"+o.name)
		}
		fmt.Fprintf(&b, "\t\t%s) words='%s' ;;\n", c.Name, strings.Join(words, " "))
	}
	b.WriteString(`		esac
	fi
	case $values in
	file | directory)
		compopt -o filenames 2>/dev/null
		while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -A "$values" -- "$current")
		;;
	*)
		# A flag may begin with two dashes as well.
		[[ $current == --* ]] && words=" $words" && words=${words// -/ --}
		while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -W "$words" -- "$current")
		;;
	esac
}
complete -F _django_sidecar django-sidecar
`)
	return b.String()
}

// kind is what a shell completes a value with: file, directory or none.
func (o option) kind() string {
	if o.value == "file" || o.value == "directory" {
		return o.value
	}
	return "none"
}

func zsh(commands []Command) string {
	var b strings.Builder
	b.WriteString(`#compdef django-sidecar
# Made by "django-sidecar completion zsh".
_django_sidecar() {
	local -a commands
	commands=(
`)
	for _, c := range commands {
		fmt.Fprintf(&b, "\t\t%s\n", quoted(c.Name+":"+escaped(c.Does, ":")))
	}
	b.WriteString(`	)
	if ((CURRENT == 2)); then
		_describe command commands
		return
	fi
	local command=$words[2]
	shift words
	((CURRENT--))
	case $command in
`)
	for _, c := range commands {
		fmt.Fprintf(&b, "\t%s)\n\t\t_arguments", c.Name)
		for _, o := range c.options() {
			spec := "-" + o.name + "[" + escaped(o.usage, "[]:") + "]"
			switch {
			case o.value == "":
			case o.words != nil:
				spec += ":" + o.value + ":(" + strings.Join(o.words, " ") + ")"
			default:
				spec += ":" + o.value + ":" + map[string]string{"file": "_files", "directory": "_files -/", "none": " "}[o.kind()]
			}
			b.WriteString(" \\\n\t\t\t" + quoted(spec))
		}
		if c.Words != nil {
			b.WriteString(" \\\n\t\t\t" + quoted("1:word:("+strings.Join(c.Words, " ")+")"))
		}
		b.WriteString("\n\t\t;;\n")
	}
	b.WriteString(`	esac
}
# As a file of fpath, or read by "source".
if [[ $funcstack[1] == _django_sidecar || $funcstack[1] == _django-sidecar ]]; then
	_django_sidecar "$@"
else
	compdef _django_sidecar django-sidecar
fi
`)
	return b.String()
}

func fish(commands []Command) string {
	var b strings.Builder
	b.WriteString("# Made by \"django-sidecar completion fish\".\ncomplete -c django-sidecar -f\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "complete -c django-sidecar -n __fish_use_subcommand -a %s -d %s\n", c.Name, quoted(c.Does))
		seen := quoted("__fish_seen_subcommand_from " + c.Name)
		for _, o := range c.options() {
			fmt.Fprintf(&b, "complete -c django-sidecar -n %s -o %s", seen, o.name)
			switch {
			case o.value == "":
			case o.words != nil:
				fmt.Fprintf(&b, " -x -a %s", quoted(strings.Join(o.words, " ")))
			case o.kind() == "none":
				b.WriteString(" -x")
			default: // fish has directories among files, and completes them alone by a function
				b.WriteString(map[string]string{"file": " -r -F", "directory": " -x -a '(__fish_complete_directories)'"}[o.kind()])
			}
			fmt.Fprintf(&b, " -d %s\n", quoted(o.usage))
		}
		if c.Words != nil {
			fmt.Fprintf(&b, "complete -c django-sidecar -n %s -a %s\n", seen, quoted(strings.Join(c.Words, " ")))
		}
	}
	return b.String()
}

// quoted is a text between single quotes. fish, unlike the others, takes \' inside for a quote; both take '\” for one.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// escaped has a backslash before each of the characters.
func escaped(text, characters string) string {
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune(characters, r) || r == '\\' {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
