// Package filestore reads the sessions of django.contrib.sessions.backends.file: one file a session, in one directory.
//
// It only ever reads, and only files whose names are the prefix and a session key of a-z and 0-9; what else a client
// sends never reaches the file system. Files are opened through [os.Root], so that no link leads out of the directory.
//
// Django makes its files readable for their owner alone: the reader must be the same user, or it fails, which is no
// answer about any session. So does a directory that is missing or cannot be read.
//
//	sessions, err := filestore.New(filestore.Config{
//		Version: version, Dir: "/var/lib/site/sessions", CookieAge: 14 * 24 * time.Hour, Codec: codec,
//	})
package filestore
