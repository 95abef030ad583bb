package sqlcondition_test

import (
	"slices"
	"strings"
	"testing"

	"django-sidecar/internal/sqlcondition"
)

func TestParse(t *testing.T) {
	for _, good := range []string{
		"status = 'active'", "deleted_at IS NULL", "(a = 1 OR b <> 'x') AND NOT c", "name LIKE '100%s; -- ?'", `"My col" = 'it''s'`,
		"id % 2 = 0", "x::date < now()", "id IN (SELECT user_id FROM members WHERE gone IS NULL)", "`odd` = 'a'", "größe > 1.5", "a\n  AND\tb",
	} {
		c, err := sqlcondition.Parse(good)
		if err != nil || !strings.Contains(c.Flag("u", false), good[:1]) {
			t.Errorf("%q: %v", good, err)
		}
	}
	for bad, problem := range map[string]string{
		"":                      "is empty",
		"  ":                    "is empty",
		"a = 1; DROP TABLE x":   "has ;",
		"a = 1 -- comment":      "has --",
		"a /* x */ = 1":         "has /*",
		"a = 1 # comment":       "has #",
		"a = ?":                 "has ?",
		"a = $1":                "has $",
		"a = $$x$$":             "has $",
		"a = %s":                "has %s",
		"a = %(x)s":             "has %(",
		"a = :x":                `has ":"`,
		"a = @x":                "has @",
		"a = 'x":                "does not close its '",
		`a = "x`:                `does not close its "`,
		"a = `x":                "does not close its `",
		"(a = 1":                "does not close its parentheses",
		"a = 1)":                "closes a parenthesis",
		"a = 1) OR (1 = 1":      "closes a parenthesis",
		`a = 'x\' OR 1 = 1 --'`: "has a backslash",
		"a = E'\\'":             "has a backslash",
		"a = 'x\x00'":           "control character",
		"a \x00 = 1":            "outside of a text",
		"a = 'x'' AND b = 1":    "does not close its '",
		"a = '' OR b = '' OR '": "does not close its '",
		"a \u00a0 = 1":          "outside of a text",
		"a = 1 \\":              "has \\",
		"a = 1 */ OR /* b = 2":  "has */",
	} {
		if _, err := sqlcondition.Parse(bad); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%q: got %v, want an error with %q", bad, err, problem)
		}
	}
}

func TestFlag(t *testing.T) {
	for condition, want := range map[string][2]string{
		"status = 'active'": {"CASE WHEN (status = 'active') THEN 1 ELSE 0 END", "CASE WHEN (status = 'active') THEN 1 ELSE 0 END"},
		`"status" <> '"gone"'`: {
			`CASE WHEN ("status" <> '"gone"') THEN 1 ELSE 0 END`, `CASE WHEN (u."status" <> '"gone"') THEN 1 ELSE 0 END`,
		},
		`"t"."x" = 1`: {`CASE WHEN ("t"."x" = 1) THEN 1 ELSE 0 END`, `CASE WHEN ("t"."x" = 1) THEN 1 ELSE 0 END`},
	} {
		c, err := sqlcondition.Parse(condition)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Flag("u", false); got != want[0] {
			t.Errorf("%s: got %s", condition, got)
		}
		if got := c.Flag("u", true); got != want[1] {
			t.Errorf("%s, qualified: got %s", condition, got)
		}
	}
}

func TestColumns(t *testing.T) {
	for condition, want := range map[string][]string{
		"status = 'active'":                             {"status"},
		`Status = 'x' AND "Status" = 'y' OR status = 1`: {"status", "Status"},
		"deleted_at IS NULL AND NOT banned":             {"deleted_at", "banned"},
		"state IN ('a', 'b') AND (n BETWEEN 1 AND 2.5)": {"state", "n"},
		"name LIKE 'x%' OR name IS NOT NULL":            {"name"},
		"TRUE":                                          {},
	} {
		c, err := sqlcondition.Parse(condition)
		if err != nil {
			t.Fatal(err)
		}
		if got, simple := c.Columns(); !simple || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %t; want %q", condition, got, simple, want)
		}
	}
	for _, condition := range []string{
		"expires > now()", "expires > CURRENT_DATE", "expires > current_timestamp", "expires > 'now'", "expires > 'Today 12:00'", "lower(status) = 'x'",
		"id IN (SELECT user_id FROM gone)", "EXISTS (SELECT 1)", "expires > localtime", "owner = current_user", "owner = user", "a = b + 1",
		"d = DATE '2026-01-01'", "a = E'x'", "x::date = '2026-01-01'", "u.a = 1", "a COLLATE x = 'y'", "a IN (1, random())", "`a` = 1", "xmin = 1",
		"id IN (TABLE gone)", "(status) (x)", "a = 'x' 'y'", "coalesce (a, b)", "a -> 'b' = 'c'", "a[1] = 2",
	} {
		c, err := sqlcondition.Parse(condition)
		if err != nil {
			t.Fatal(err)
		}
		if got, simple := c.Columns(); simple {
			t.Errorf("%s: is simple, with %q", condition, got)
		}
	}
}
