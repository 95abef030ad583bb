package filestore

import (
	"context"
	"fmt"
	"strings"

	"django-sidecar/djangosession"
)

// Keys returns the keys of up to n of the directory's sessions, in no order.
func (s *Store) Keys(ctx context.Context, n int) ([]string, error) {
	entries, err := s.list(ctx, n)
	if err != nil {
		return nil, fmt.Errorf("reading session keys: %w", err)
	}
	var keys []string
	for _, e := range entries {
		if key, ok := strings.CutPrefix(e.Name(), s.config.Prefix); ok && validKey(key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// Stored returns what the file of a session holds, as it is; nothing where there is no such file, or it is too large.
func (s *Store) Stored(ctx context.Context, key string) (string, error) {
	if !validKey(key) {
		return "", nil
	}
	f, err := s.read(ctx, s.config.Prefix+key)
	switch {
	case djangosession.IsAnswer(err):
		return "", nil
	case err != nil:
		return "", err
	}
	return string(f.data), nil
}
