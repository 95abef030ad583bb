// Package filestore reads and writes the sessions of django.contrib.sessions.backends.file: one file a session, in one
// directory.
//
// It reads and writes files alone whose names are the prefix and a session key of a-z and 0-9. Any other key never
// reaches the file system. Files are opened through [os.Root], so that no link leads out of the directory.
//
// Django makes its files readable for their owner alone. So the sidecar must run as the same user; otherwise Load
// fails, which says nothing about the session, and nothing is written. A directory that is missing or cannot be read is
// such a failure too.
//
//	sessions, err := filestore.New(filestore.Config{
//		Version: version, Dir: "/var/lib/site/sessions", CookieAge: 14 * 24 * time.Hour, Codec: codec,
//	})
package filestore
