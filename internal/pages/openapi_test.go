package pages_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"django-sidecar/internal/reply"
)

const (
	openAPI = "docs/openapi.yaml"
	// refusalsMark begins the part of the description that is made from the table of replies. It goes to the end of the file.
	refusalsMark = "    # Refusals, by status: written by make docs.\n"
)

// TestOpenAPI holds the refusals in docs/openapi.yaml, which are made from the table of replies, and its responses against docs/http.md.
func TestOpenAPI(t *testing.T) {
	text := readFile(t, openAPI)
	before, stands, _ := strings.Cut(text, refusalsMark)
	switch want := refusalsInYAML(t); {
	case stands == want:
	case *write:
		if err := os.WriteFile(filepath.Join(root, openAPI), []byte(before+refusalsMark+want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s has other refusals than the code: run make docs", openAPI)
	}
	operations := operationsIn(before)
	if len(operations) < 30 {
		t.Fatalf("only %d operations were found", len(operations))
	}
	for _, row := range rowsOf(readFile(t, httpPage), "| request | with | session | status | headers | message |") {
		method, path, _ := strings.Cut(strings.Trim(row[0], "`"), " ")
		path, _, _ = strings.Cut(path, "?")
		if row[3] == "404" && path == "/nowhere" || row[3] == "405" { // what no description has
			continue
		}
		statuses, described := operations[method+" "+templateOf(path)]
		if !described || !slices.Contains(statuses, row[3]) {
			t.Errorf("%s: %s has %s %s with the statuses %v", row, openAPI, method, templateOf(path), statuses)
		}
	}
}

// templateOf is the path as the description writes it.
func templateOf(path string) string {
	for _, template := range [][2]string{
		{`^/auth/envoy;require=[^/]*/.*`, "/auth/envoy;require={requirement}/{path}"}, {`^/auth/envoy/.*`, "/auth/envoy/{path}"}, {`^/tus/.+`, "/tus/{upload}"},
	} {
		path = regexp.MustCompile(template[0]).ReplaceAllLiteralString(path, template[1])
	}
	return path
}

// operationsIn are the statuses of each "METHOD /path". An anchor (&name) gives its statuses to whoever refers to it (*name), whole or below responses.
func operationsIn(text string) map[string][]string {
	_, text, _ = strings.Cut(text, "\npaths:\n")
	text, _, _ = strings.Cut(text, "\ncomponents:\n")
	path, operation, anchors := "", "", []string(nil)
	statuses, named := map[string][]string{}, map[string][]string{}
	for line := range strings.Lines(text) {
		if found := regexp.MustCompile(`^  (/\S*):`).FindStringSubmatch(line); found != nil {
			path = found[1]
			continue
		}
		if found := regexp.MustCompile(`^    (get|head|post|put|patch|delete|options):(?: ([&*])(\w+))?`).FindStringSubmatch(line); found != nil {
			operation, anchors = strings.ToUpper(found[1])+" "+path, nil
			switch found[2] {
			case "*":
				statuses[operation] = named[found[3]]
			case "&":
				anchors = append(anchors, found[3])
			}
			continue
		}
		if found := regexp.MustCompile(`^      responses:(?: ([&*])(\w+))?`).FindStringSubmatch(line); found != nil {
			switch found[1] {
			case "*":
				statuses[operation] = named[found[2]]
				for _, anchor := range anchors {
					named[anchor] = named[found[2]]
				}
			case "&":
				anchors = append(anchors, found[2])
			}
			continue
		}
		if found := regexp.MustCompile(`^        "(\d{3})":`).FindStringSubmatch(line); found != nil {
			statuses[operation] = append(statuses[operation], found[1])
			for _, anchor := range anchors {
				named[anchor] = append(named[anchor], found[1])
			}
		}
	}
	return statuses
}

// refusalsInYAML are the refusals of package reply as responses, one for each status: its messages, and the headers that all of them have.
func refusalsInYAML(t *testing.T) string {
	t.Helper()
	byStatus := map[int][]reply.Reply{} // without what only the listener of gRPC says, and what is said of a fault of the sidecar
	for _, r := range reply.Replies() {
		if r.Status >= http.StatusBadRequest && r.Message != reply.NotGRPC.Message && r.Message != reply.Broken.Message {
			byStatus[r.Status] = append(byStatus[r.Status], r)
		}
	}
	text := ""
	for _, status := range slices.Sorted(maps.Keys(byStatus)) {
		messages, patterns, headers := []string{}, "", slices.Clone(byStatus[status][0].Header)
		if words := http.StatusText(status); words != "" && status < http.StatusInternalServerError { // HTTP's own, for what no handler takes
			messages = append(messages, words+".")
		}
		for _, r := range byStatus[status] {
			headers = slices.DeleteFunc(headers, func(h reply.Header) bool { return !slices.Contains(r.Header, h) })
			if strings.Contains(r.Message, "…") {
				patterns += fmt.Sprintf("                    - pattern: %q\n", "^"+strings.Replace(regexp.QuoteMeta(r.Message), "…", "[A-Z][A-Za-z-]*", 1)+"$")
				continue
			}
			messages = append(messages, r.Message)
		}
		text += fmt.Sprintf("    Refusal%d:\n      description: The message says why.\n      headers:\n        Cache-Control: {$ref: \"#/components/headers/NoStore\"}\n", status)
		for _, h := range headers {
			text += fmt.Sprintf("        %s: {required: true, schema: {const: %q}}\n", h.Name, h.Value)
		}
		text += "      content:\n        application/json:\n          schema:\n            type: object\n            properties:\n              result: {const: false}\n              message:\n" +
			"                anyOf:\n" + patterns + "                    - enum:\n"
		slices.Sort(messages)
		for _, m := range slices.Compact(messages) {
			text += fmt.Sprintf("                        - %q\n", m)
		}
		if status == http.StatusUnauthorized {
			text += "              reason:\n                description: With SIDECAR_EXPLAIN=true only.\n                enum: [" + strings.Join(reasons(t), ", ") + "]\n"
		}
		text += "            required: [result, message]\n            additionalProperties: false\n"
	}
	return text
}

// reasons are the words for why a session is nobody's.
func reasons(t *testing.T) []string {
	t.Helper()
	var words []string
	for _, found := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllStringSubmatch(tableOfReasons(t), -1) {
		words = append(words, found[1])
	}
	return words
}
