// Package storage is the table from what went wrong with a file to what a client is told, whether it sent a form or a resumable
// upload.
package storage

import (
	"errors"
	"net/http"

	"django-sidecar/internal/upload/media"
)

// Answer is what a client is told.
type Answer struct {
	Status  int
	Message string
}

var answers = []struct {
	err error
	Answer
}{
	{media.ErrName, Answer{http.StatusBadRequest, "The file's name cannot be used."}},
	{media.ErrNoSpace, Answer{http.StatusInsufficientStorage, "There is no space for the upload."}},
}

// AnswerTo is the answer to an error. Every one that is not in the table is the file system's: the next attempt may succeed. Package
// media says which errors of the system are which.
func AnswerTo(err error) Answer {
	for _, a := range answers {
		if errors.Is(err, a.err) {
			return a.Answer
		}
	}
	return Answer{http.StatusServiceUnavailable, "The upload could not be stored."}
}
