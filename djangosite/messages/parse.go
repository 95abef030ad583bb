package messages

import (
	"encoding/json"

	"django-sidecar/djangosession"
)

// messageKey is message_key of MessageEncoder.
const messageKey = "__json_message"

// parseList reads a list of messages: MessageDecoder of contrib/messages/storage/cookie.py. all says that the last item
// does not announce more. ok is false for what is no list of messages; nothing that Django writes is.
func parseList(text string, v djangosession.Version) (list []Message, all, ok bool) {
	var items []json.RawMessage
	if json.Unmarshal([]byte(text), &items) != nil || items == nil {
		return nil, true, false
	}
	all = true
	for i, item := range items {
		if i == len(items)-1 && string(item) == notFinished {
			all = false
			break
		}
		m, ok := parseMessage(item, v)
		if !ok {
			return nil, true, false
		}
		list = append(list, m)
	}
	return list, all, true
}

// parseMessage reads [key, safe, level, text] and perhaps tags; to 3.0 also [key, level, text].
func parseMessage(item json.RawMessage, v djangosession.Version) (m Message, ok bool) {
	var parts []json.RawMessage
	if json.Unmarshal(item, &parts) != nil || len(parts) < 3 || string(parts[0]) != `"`+messageKey+`"` {
		return Message{}, false
	}
	switch rest := parts[1:]; {
	case len(rest) == 2 && !v.AtLeast(3, 1):
		parts = rest
	case len(rest) == 3 || len(rest) == 4:
		m.Safe, parts = string(rest[0]) != "0" && string(rest[0]) != "false", rest[1:]
	default:
		return Message{}, false
	}
	if json.Unmarshal(parts[0], &m.Level) != nil {
		return Message{}, false
	}
	if m.Text, ok = textOf(parts[1]); !ok {
		return Message{}, false
	}
	if len(parts) == 3 && string(parts[2]) != "null" {
		if m.ExtraTags, ok = textOf(parts[2]); !ok {
			return Message{}, false
		}
	}
	return m, true
}

// textOf is str() of a value: a text, or of Django 1.11 also a number, a boolean or None.
func textOf(value json.RawMessage) (text string, ok bool) {
	switch written := string(value); written {
	case "null":
		return "None", true
	case "true":
		return "True", true
	case "false":
		return "False", true
	default:
		if json.Unmarshal(value, &text) == nil {
			return text, true
		}
		return written, json.Unmarshal(value, new(json.Number)) == nil
	}
}
