package media

// Lack is something that most file systems do and MEDIA_ROOT's does not.
type Lack struct {
	// What is what it lacks, and what follows from that.
	What string
	// Remedy is what an operator can do.
	Remedy string
	// Fatal says that no upload can be stored.
	Fatal bool
}

// Lacking is what MEDIA_ROOT's file system lacks, as Open found it.
func (d *Dir) Lacking() []Lack { return d.lacking }

// Way says how a file gets its name under MEDIA_ROOT.
func (d *Dir) Way() string {
	switch {
	case d.linker != byName:
		return "a hard link to a file without a name (O_TMPFILE)"
	case d.way == byLink:
		return "a hard link to the file in the state directory"
	case d.way == byRename:
		return "a rename that replaces nothing (RENAME_NOREPLACE)"
	}
	return "an empty file that reserves the name, and a rename over it"
}
