// Package multipart reads multipart/form-data bodies as Django's MultiPartParser does, as streams: a body of any length
// goes through one buffer of fixed size, and a file's bytes are handed on as slices of that buffer, without a copy.
//
// A Reader gives the parts one after the other. What a part is, a file, a field, or nothing that Django would see, is
// said by its Content-Disposition, which this package does not interpret. The caller does, and then calls File, or
// Field, or goes on to the next part; the limits are counted by what it calls.
//
// What Django reads is read in the same way, with these exceptions, all on the safe side:
//
//   - A boundary counts only on a line of its own (RFC 2046, 5.1.1). Django finds it anywhere, and cuts a file that
//     happens to contain it: django/http/multipartparser.py, 1.11 to 6.1, _find_boundary.
//   - A body without its closing boundary is an error. Django drops the last file in silence.
//   - What stands before the first boundary and after the closing one is never a part. Django looks for headers in both.
//   - Where Djangos disagree, or read garbage in base64, there is an error.
package multipart
