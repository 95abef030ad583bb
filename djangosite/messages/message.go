package messages

import "strings"

// Level is how serious a message is: django/contrib/messages/constants.py, 1.11 to 6.1. A project may have others.
type Level int

// The levels of Django.
const (
	Debug   Level = 10
	Info    Level = 20
	Success Level = 25
	Warning Level = 30
	Error   Level = 40
)

// Tag is the level_tag, such as "info": that of Django's DEFAULT_TAGS, "" for a level that Django has not.
func (l Level) Tag() string {
	switch l {
	case Debug:
		return "debug"
	case Info:
		return "info"
	case Success:
		return "success"
	case Warning:
		return "warning"
	case Error:
		return "error"
	}
	return ""
}

// Message is one message.
type Message struct {
	// Level is how serious it is. Below MESSAGE_LEVEL, as 0 nearly always is, it is not added.
	Level Level
	// Text is what it says. Without Safe it is plain text: escape it for HTML.
	Text string
	// Safe says that Text is HTML, marked by mark_safe.
	Safe bool
	// ExtraTags are classes of CSS beside that of the level, separated by blanks.
	ExtraTags string
}

// Tags is what templates call message.tags: the extra tags and that of the level. MESSAGE_TAGS is not known here.
func (m Message) Tags() string { return strings.TrimSpace(m.ExtraTags + " " + m.Level.Tag()) }
