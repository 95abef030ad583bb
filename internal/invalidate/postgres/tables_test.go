package postgres

import (
	"strings"
	"testing"
)

func TestNamesThatCannotBe(t *testing.T) {
	for _, tables := range []Tables{
		{},
		{Users: "u", UserID: "id"},
		{Users: "u", UserColumns: []string{"password"}},
		{Users: "u", UserID: "id", UserColumns: []string{""}},
		{Sessions: "a" + tag},
		{Users: "u", UserID: "id", UserColumns: []string{tag}},
	} {
		for name, write := range map[string]func() (string, error){
			"triggers": tables.Triggers, "role": tables.Role, "migration": tables.Migration,
			"no triggers": tables.RemoveTriggers, "no role": tables.RemoveRole,
			"script": func() (string, error) { return tables.SQL(Script{Triggers: true, Role: true}) },
		} {
			if text, err := write(); err == nil || text != "" {
				t.Errorf("%+v: %s: no error", tables, name)
			}
		}
	}
}

// A name may end the text in Python that holds it, and the other kind of text is taken.
func TestMigrationOfNamesInQuotes(t *testing.T) {
	text, err := Tables{Sessions: `s""`}.Migration()
	if err != nil || !strings.Contains(text, "FORWARD = r'''") {
		t.Errorf("got %q, %v", text, err)
	}
	if _, err := (Tables{Sessions: `s""''`}).Migration(); err == nil {
		t.Error("no error")
	}
}

// The texts are the same each time, so that they can be compared.
func TestTextsAreStable(t *testing.T) {
	for range 10 {
		one, err1 := authTablesHere.SQL(Script{Triggers: true, Role: true})
		other, err2 := authTablesHere.SQL(Script{Triggers: true, Role: true})
		if one != other || err1 != nil || err2 != nil {
			t.Fatal("two texts")
		}
	}
}
