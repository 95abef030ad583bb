package pages_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	// quote is an item of a line of the log, or of an answer, as pages show it.
	quote = regexp.MustCompile(`"(msg|error|warning|message|decision|outcome|reason)": ?("(?:[^"\\]|\\.)*")`)
	// gap is what a page leaves out, or what differs each time: a value in quotes, a verb of fmt, or an address.
	gap = regexp.MustCompile(`…|"[^"]*"|%[.\d]*[a-zA-Z]`)
	// others are words of package net and of the system, which stand behind a colon.
	others = regexp.MustCompile(`dial tcp |read tcp |i/o timeout|connection refused`)
)

// TestQuotesInPages: what pages quote of the log and of answers is what the program writes.
func TestQuotesInPages(t *testing.T) {
	texts, quotes := textsOfTheProgram(t), 0
	for page := range readTree(t).files {
		inDocs := strings.HasPrefix(page, "docs/") && strings.HasSuffix(page, ".md") && !strings.HasPrefix(page, "docs/decisions/")
		inDeploy := strings.HasPrefix(page, "deploy/") && path.Ext(page) != "" && path.Ext(page) != ".go" || page == "deploy/caddy/Caddyfile"
		if !inDocs && !inDeploy {
			continue
		}
		for _, found := range quote.FindAllStringSubmatch(readFile(t, page), -1) {
			quotes++
			if missing := unwritten(t, texts, found[1], found[2]); missing != "" {
				t.Errorf("%s quotes %s: nothing writes %q", page, found[0], missing)
			}
		}
	}
	if quotes < 60 {
		t.Errorf("only %d quotes were found", quotes)
	}
	for key, text := range map[string]string{
		"error": `"unknown option \"requires\": there are require and optional"`, "decision": `"let in"`, "message": `"Your login session is over."`,
	} {
		if unwritten(t, texts, key, text) == "" {
			t.Errorf("%s is taken for a text of the program", text)
		}
	}
}

// unwritten returns the part of a quoted text that the program does not write, "" if it writes all of it.
func unwritten(t *testing.T, texts map[string]bool, key, quoted string) string {
	t.Helper()
	text, err := strconv.Unquote(quoted)
	if err != nil {
		t.Fatalf("%s: %v", quoted, err)
	}
	if key == "decision" || key == "outcome" || key == "reason" {
		if !texts[text] {
			return text
		}
		return ""
	}
	if at := others.FindStringIndex(text); at != nil {
		text = text[:at[0]]
	}
	for _, part := range gap.Split(text, -1) {
		if part = strings.Trim(part, " :"); part != "" && !contained(texts, part) {
			return part
		}
	}
	return ""
}

func contained(texts map[string]bool, part string) bool {
	for text := range texts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// textsOfTheProgram are the texts in its source, those that are put together by "+" as one.
func textsOfTheProgram(t *testing.T) map[string]bool {
	t.Helper()
	texts := map[string]bool{}
	for name := range readTree(t).files {
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "internal/djangotest/") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			text, ok := textOf(e)
			if ok {
				texts[text] = true
			}
			return !ok
		})
	}
	return texts
}

// textOf returns a text that stands in the source; what is put into it by "+" is a gap.
func textOf(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, isLeft := textOf(e.X)
		right, isRight := textOf(e.Y)
		return left + right, e.Op == token.ADD && (isLeft || isRight)
	}
	return "", false
}
