package config

import (
	"maps"
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
		r.unknown(name)
	}
}

func isServiceLink(name, text string) bool {
	return serviceLink.MatchString(name) || servicePort.MatchString(name) && serviceURL.MatchString(text)
}

// nearest is the setting, of ours or of the others, whose name takes the fewest edits to reach, the case of letters
// aside. Letters that both begin with make up for edits: SIDECAR_DB_CONNECTIONS is meant for SIDECAR_DB_CONNS and
// not for SIDECAR_MAX_CONNECTIONS.
func (r *reader) nearest(name string) string {
	name = strings.ToUpper(name)
	best, bestScore := "", 0
	for _, v := range r.values {
		if strings.HasPrefix(v.Name, ownPrefix) != strings.HasPrefix(name, ownPrefix) {
			continue
		}
		edits := distance(name, v.Name)
		if v.Name == "SIDECAR_WRITE" && edits > closeEdits {
			continue // nobody is led to it by a guess
		}
		if score := edits - commonPrefix(name, v.Name); best == "" || score < bestScore {
			best, bestScore = v.Name, score
		}
	}
	return best
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// djangoPrefix begins the full name of every setting of Django's.
const djangoPrefix = "DJANGO_"

// A name is close to another if closeEdits lead from one to the other, or one edit where the name is short. Django's
// own settings are not as close to one that is read here, but for those in notMisspelt; a test compares them.
const (
	closeEdits = 2
	shortName  = len(djangoPrefix) + 12
)

// notMisspelt are Django's own settings, and variables of Django itself, that are close to a setting and mean
// something else.
var notMisspelt = []string{"DJANGO_USE_X_FORWARDED_PORT"}

// hintAtNames warns of DJANGO_ names that are close to a setting's and are none: they would be passed over in
// silence. It is a warning, since projects have DJANGO_ variables of their own. It also says which plain names are
// not read.
func (r *reader) hintAtNames(environ []string) {
	set := map[string]bool{}
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		set[name] = strings.TrimSpace(text) != ""
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if near := r.misspelt(name); near != "" && !set[near] {
			r.warn("%s is no setting and is passed over; did you mean %s?",
				strings.Trim(quote(name, quotedValue), `"`), near)
		}
	}
	for _, v := range r.values {
		plain, ok := strings.CutPrefix(v.variable, djangoPrefix)
		if ok && v.whole && !v.given && plain != "VERSION" && set[plain] {
			r.hint("%s is not read: this setting needs its full name, %s", plain, v.Name)
		}
	}
}

// misspelt is the setting that a name must have been meant for, "" where there is none.
func (r *reader) misspelt(name string) string {
	upper := strings.ToUpper(name)
	if !strings.HasPrefix(upper, "D") || r.knows(name) || slices.Contains(notMisspelt, name) ||
		len(name) > 2*quotedValue {
		return "" // the first letter is seldom wrong, and most variables of an environment are not worth the time
	}
	if base, isFile := strings.CutSuffix(upper, "_FILE"); isFile && r.knows(base) && strings.HasPrefix(base, djangoPrefix) {
		return base // which cannot be given as a file
	}
	best, bestEdits := "", closeEdits+1
	for _, v := range r.values {
		known := v.Name
		if !strings.HasPrefix(known, djangoPrefix) || len(upper) > len(known)+closeEdits ||
			len(known) > len(upper)+closeEdits {
			continue
		}
		edits := distance(upper, known)
		if edits < bestEdits && (edits < closeEdits || len(known) >= shortName || sameLetters(upper, known)) {
			best, bestEdits = known, edits
		}
	}
	return best
}

// sameLetters finds letters that have changed places.
func sameLetters(a, b string) bool {
	return slices.Equal(slices.Sorted(slices.Values([]byte(a))), slices.Sorted(slices.Values([]byte(b))))
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
