//go:build live

package postgres

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
)

// TestMigration puts the migration into an application of a real Django, and goes there and back.
func TestMigration(t *testing.T) {
	for _, version := range []string{"1.11", "2.2", "5.2"} {
		t.Run(version, func(t *testing.T) {
			text := mustText(t)(authTables.Migration())
			dir := t.TempDir()
			migrations := filepath.Join(dir, "notices", "migrations")
			if err := os.MkdirAll(migrations, 0o755); err != nil {
				t.Fatal(err)
			}
			for name, text := range map[string]string{"../__init__.py": "", "__init__.py": "", "0001_triggers.py": text} {
				if err := os.WriteFile(filepath.Join(migrations, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			db := djangotest.Postgres(t).Database(t)
			dj := startDjango(t, deployment{version: version, database: db.Django(), apps: []string{"notices"}, path: []string{dir}})
			e := hear(t, db)
			dj.run(t, `user = User(username="ada", password="x"); user.save(); user.password = "y"; user.save()`, "")
			if heard := strings.Join(e.since(t), ";"); heard != "1 u 1" {
				t.Errorf("heard %q", heard)
			}
			if problems := db.Exec(t, authTables.lookQuery("echo"))[sumLength:]; problems != "" {
				t.Errorf("the triggers of the migration are not ours: %s", problems)
			}
			dj.run(t, `call_command("migrate", "notices", "zero", verbosity=0)`, "")
			if left := db.Exec(t, "SELECT proname FROM pg_proc WHERE proname LIKE 'django_sidecar%' UNION ALL SELECT tgname FROM pg_trigger WHERE tgname LIKE 'django_sidecar%'"); left != "" {
				t.Errorf("left behind: %s", left)
			}
			dj.run(t, `call_command("migrate", "notices", verbosity=0)
user.password = "z"; user.save()`, "")
			if heard := strings.Join(e.since(t), ";"); heard != "1 u 1" {
				t.Errorf("heard %q", heard)
			}
		})
	}
}
