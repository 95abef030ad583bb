// Package storage is the table from what went wrong with a file to what a client is told, whether it sent a form or a
// resumable upload.
package storage

import (
	"errors"

	"django-sidecar/internal/reply"
	"django-sidecar/internal/upload/media"
)

// ReplyTo is the reply to an error. One that has no reply of its own is the file system's: the next attempt may
// succeed. Package media says which errors of the system are which.
func ReplyTo(err error) reply.Reply {
	switch {
	case errors.Is(err, media.ErrName):
		return reply.BadName.Reply
	case errors.Is(err, media.ErrNoSpace):
		return reply.NoSpace.Reply
	}
	return reply.NotStored.Reply
}
