package webhook

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	eventSuffix = ".event"
	tempSuffix  = ".temp"
)

// eventFile is what the name of an event's file says.
type eventFile struct {
	added   int64 // nanoseconds since 1970
	id      string
	due     int64 // milliseconds since 1970; 0: at once
	tries   int   // how often it was not delivered
	refused int   // how many of them were refusals
}

// name is the name of the file; parseName is its inverse.
func (e eventFile) name() string {
	return fmt.Sprintf("%020d-%s.%d.%d.%d%s", e.added, e.id, e.due, e.tries, e.refused, eventSuffix)
}

// key tells an event's files apart from those of others whatever happens to it: an event may have been added twice.
func (e eventFile) key() string { return fmt.Sprintf("%020d-%s", e.added, e.id) }

// afresh is the entry as it was when it was added.
func (e eventFile) afresh() eventFile { return eventFile{added: e.added, id: e.id} }

// parseName reads the name of an event's file.
func parseName(name string) (eventFile, bool) {
	rest, ok := strings.CutSuffix(name, eventSuffix)
	added, rest, ok2 := strings.Cut(rest, "-")
	parts := strings.Split(rest, ".")
	if !ok || !ok2 || len(parts) != 4 || !isID(parts[0]) {
		return eventFile{}, false
	}
	e := eventFile{id: parts[0]}
	var errs [4]error
	e.added, errs[0] = strconv.ParseInt(added, 10, 64)
	e.due, errs[1] = strconv.ParseInt(parts[1], 10, 64)
	e.tries, errs[2] = strconv.Atoi(parts[2])
	e.refused, errs[3] = strconv.Atoi(parts[3])
	// One name for each entry: otherwise another file might be taken for it.
	return e, errs == [4]error{} && e.added >= 0 && e.due >= 0 && e.tries >= 0 && e.refused >= 0 && e.name() == name
}

// older orders entries by age.
func older(a, b eventFile) int {
	return cmp.Or(cmp.Compare(a.added, b.added), cmp.Compare(a.id, b.id))
}

// dueIn is how long it is until an entry is due, not more than 0 if it is. A clock that was put back does not make it
// wait longer than it ever may.
func (e eventFile) dueIn(now time.Time, longest time.Duration) time.Duration {
	if wait := time.UnixMilli(e.due).Sub(now); wait <= longest {
		return wait
	}
	return 0
}

func isID(text string) bool {
	for _, c := range []byte(text) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return text != "" && len(text) <= 64
}
