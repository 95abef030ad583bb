// Package media publishes uploads under MEDIA_ROOT as Django's FileSystemStorage would: with its modes, its group and
// its directories, but invisible until they are complete, then all at once, and never over something that is there
// already.
//
// An upload is written to a file without a name (O_TMPFILE), which vanishes with the process, or, where the file system
// knows no such thing, to a locked file in the state directory. Publishing is one hard link to the first free of the
// names that are offered: link(2) fails where there is something, be it a dangling symlink. Where there are no links,
// it is a rename that replaces nothing, or one over an empty file that reserves the name. The data is on the disk
// before the name is, and the name before Publish returns: whatever happens, a name under MEDIA_ROOT stands for a whole
// file.
//
//	dir, err := media.Open(media.Config{Root: "/srv/media", StateDir: "/srv/.django-sidecar", Version: version})
//	f, err := dir.Create(size)     // media.ErrNoSpace before the first byte
//	defer f.Discard()              // what is published stays
//	_, err = io.Copy(f, body)
//	name, err := f.Publish(names)  // "uploads/2026/11/22/file.txt"
//
// Nothing is made, linked or opened outside MEDIA_ROOT: symlinks are followed as far as they stay inside.
//
// # Parts
//
// A part is an upload that survives a restart: a file in the state directory under an id of 32 hexadecimal digits,
// and beside it a small document that says what it is. Whoever resumes uploads keeps to one order, and then knows
// after every crash what happened. The part is created, then its state saved. At the end of each request, and in long
// ones every now and then, comes Sync and then a state that says how many bytes that were; OpenPart is told. The
// function that offers names to Publish saves each name before it returns it. After Publish the outcome is noted
// elsewhere, and then the state removed. So there is
//
//	a part without a state      it was given up: Remove
//	a part with a state         unfinished; where Entry.Published is set, Published tells of the last saved name whether
//	                            it is this file, and it is
//	a state without a part      published under the last saved name
//
// Remove deletes the state first, which keeps to this.
package media
