package config

import (
	"regexp"
	"slices"
	"strings"
)

// ownPrefix begins every name that is ours alone.
const ownPrefix = "SIDECAR_"

// serviceLink and servicePort match the variables that Kubernetes gives every pod for a Service named sidecar, or
// sidecar-<words>. https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
var (
	serviceLink = regexp.MustCompile(
		`^SIDECAR(_[A-Z0-9]+)*_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?)$`)
	servicePort = regexp.MustCompile(`^SIDECAR(_[A-Z0-9]+)*_PORT$`)
)

// serviceURL matches the value of a <NAME>_PORT that Kubernetes has set. Without it, a SIDECAR_LISTEN_PORT=9000 that
// somebody made up would be taken for a service link, and silently ignored.
var serviceURL = regexp.MustCompile(`^(tcp|udp|sctp)://`)

// checkNames reports every variable that begins with SIDECAR_ and is no setting: a misspelt one must not be ignored.
func (r *reader) checkNames(environ []string) {
	slices.Sort(environ)
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, ownPrefix) || r.knows(name) || isServiceLink(name, text) {
			continue
		}
		near := r.value(r.nearest(name))
		r.faults = append(r.faults, Fault{
			Name:    strings.Trim(quote(name, quotedValue), `"`), // a name may hold anything but = and NUL
			Problem: "is not a setting; did you mean " + near.Name + "?",
			Example: near.Name + "=" + near.shown(),
		})
	}
}

func isServiceLink(name, text string) bool {
	return serviceLink.MatchString(name) || servicePort.MatchString(name) && serviceURL.MatchString(text)
}

// nearest is the setting of ours whose name takes the fewest edits to reach, the case of letters aside.
func (r *reader) nearest(name string) string {
	best, bestEdits := "", 0
	for _, v := range r.values {
		if !strings.HasPrefix(v.Name, ownPrefix) {
			continue
		}
		if edits := distance(strings.ToUpper(name), v.Name); best == "" || edits < bestEdits {
			best, bestEdits = v.Name, edits
		}
	}
	return best
}

// distance is Levenshtein's: insertions, deletions and replacements of a byte.
func distance(a, b string) int {
	if len(a) > 2*quotedValue {
		a = a[:2*quotedValue] // longer than any name of ours: the rest is equally far from all of them
	}
	row := make([]int, len(b)+1) // row[j] = distance between the a read so far and b[:j]
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
