package media

import "os"

// syncFile writes a file to the disk, where the file system can.
func (d *Dir) syncFile(f *os.File) error {
	if err := d.sync(f); !unknown(err) {
		return err
	}
	return nil
}

// syncFolder writes the names in a directory to the disk, where the file system can: fsync(2) of a directory is
// EINVAL on some.
func (d *Dir) syncFolder(dir folder) error { return d.syncFile(dir.File) }
