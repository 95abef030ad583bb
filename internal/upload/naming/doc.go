// Package naming gives an uploaded file the name that Django would have stored it under.
//
// It is pure: it opens nothing and asks no clock, and what is random comes from a reader that the caller gives.
// Django's released source is the specification, and every rule says which file of which version it copies. Where the
// versions differ, the deployment's version decides; of each line it is the newest patch release whose rules are
// known here.
//
// # From the wire to the disk
//
//	step  here               Django                                              gives
//	1     Rules.Disposition  http/multipartparser.py, utils/http.py              the field, and the file name as sent
//	2, 3  Rules.Clean        sanitize_file_name, UploadedFile.name               UploadedFile.name, what a form sees
//	4, 5  Rules.Store        FileField.generate_filename, Storage.generate_filename  the path below MEDIA_ROOT
//	6     Rules.Names        Storage.get_available_name                          that path, then others with a random part
//
// The body of a request that is no form has a name too, if it has a Content-Disposition: [Disposition.Filename],
// whatever its ItemType is.
//
// # What a name cannot be
//
// What Store and Names return is a relative path of UTF-8 text without a NUL, without empty, "." and ".." components,
// also where an old Django would have built another. Whoever opens it below MEDIA_ROOT has only symbolic links to
// think of.
//
// # Unicode
//
// Which characters are letters, digits or printable is what Go's tables say, which are those of Unicode 15.0. A
// Python with other tables differs for characters that are new in one of them.
package naming
