//go:build live

package media_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"django-sidecar/internal/upload/media"
)

// TestDefaultACL: a file has the default access control list of MEDIA_ROOT, or of the state directory where it is created there, and never
// that of its own directory: a line in docs/divergences.md.
func TestDefaultACL(t *testing.T) {
	const ofRoot, ofState, ofOwn = 1111, 2222, 3333
	for linker, want := range map[string]uint32{"O_TMPFILE and /proc": ofRoot, "named": ofState, "renamed": ofState} {
		f := newFixture(t, newBase(t), media.Config{})
		f.Force(linker)
		own := filepath.Join(f.root, "up")
		if err := os.Mkdir(own, 0o755); err != nil {
			t.Fatal(err)
		}
		for path, user := range map[string]uint32{f.root: ofRoot, f.state: ofState, own: ofOwn} {
			if err := unix.Setxattr(path, "system.posix_acl_default", accessOf(user), 0); err != nil {
				t.Fatal(err)
			}
		}
		file, err := f.Create(0)
		if err != nil {
			t.Fatal(err)
		}
		name, err := file.Publish(func() (string, error) { return "up/x.txt", nil })
		if err != nil {
			t.Fatal(err)
		}
		var has [64]byte
		n, err := unix.Getxattr(filepath.Join(f.root, name), "system.posix_acl_access", has[:])
		if err != nil || n != len(accessOf(want)) || binary.LittleEndian.Uint32(has[4+8+4:]) != want {
			t.Errorf("%s: the list is % x, %v; want that of %d", linker, has[:max(n, 0)], err, want)
		}
	}
}

// accessOf is a list as Linux keeps it (include/uapi/linux/posix_acl_xattr.h), in which a user may read and write.
func accessOf(user uint32) []byte {
	const nobodyInParticular = ^uint32(0)
	list := binary.LittleEndian.AppendUint32(nil, 2) // the version
	for _, entry := range []struct {
		tag, permissions uint16
		id               uint32
	}{{0x01, 7, nobodyInParticular}, {0x02, 7, user}, {0x04, 5, nobodyInParticular}, {0x10, 7, nobodyInParticular}, {0x20, 0, nobodyInParticular}} {
		list = binary.LittleEndian.AppendUint16(list, entry.tag)
		list = binary.LittleEndian.AppendUint16(list, entry.permissions)
		list = binary.LittleEndian.AppendUint32(list, entry.id)
	}
	return list
}
