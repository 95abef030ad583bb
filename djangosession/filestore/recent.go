package filestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/folder"
)

// maxEntries bounds how many files of the directory Recent looks at. The directory may be a large /tmp.
const maxEntries = 20_000

// maxRecentBytes bounds the data of each session that Recent returns.
const maxRecentBytes = 16 << 10

// Recent returns up to n of the sessions whose files were written last. Whether they are over is not looked at.
func (s *Store) Recent(ctx context.Context, n int) ([]djangosession.StoredSession, error) {
	names, err := s.newest(ctx, n)
	if err != nil {
		return nil, fmt.Errorf("reading recent sessions: %w", err)
	}
	var recent []djangosession.StoredSession
	for _, name := range names {
		f, err := s.read(ctx, name)
		switch {
		case djangosession.IsAnswer(err): // deleted meanwhile, or no session at all
			continue
		case err != nil:
			return nil, fmt.Errorf("reading recent sessions: %w", err)
		case len(f.data) == 0:
			continue
		}
		r := djangosession.StoredSession{Key: strings.TrimPrefix(name, s.config.Prefix)}
		if len(f.data) <= maxRecentBytes {
			r.Data = string(f.data)
		}
		recent = append(recent, r)
	}
	return recent, nil
}

// Probe reports whether the directory is there and can be listed: nil says that it is.
func (s *Store) Probe(ctx context.Context) error {
	_, err := s.list(ctx, 1)
	return err
}

// newest returns the names of the n session files that were written last, the last one first.
func (s *Store) newest(ctx context.Context, n int) ([]string, error) {
	entries, err := s.list(ctx, maxEntries)
	if err != nil {
		return nil, err
	}
	type written struct {
		name string
		at   time.Time
	}
	var files []written
	for _, e := range entries {
		key, ok := strings.CutPrefix(e.Name(), s.config.Prefix)
		if !ok || !validKey(key) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil { // otherwise it has been deleted meanwhile
			files = append(files, written{e.Name(), info.ModTime()})
		}
	}
	slices.SortFunc(files, func(a, b written) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.name, b.name)) })
	names := make([]string, min(n, len(files)))
	for i := range names {
		names[i] = files[i].name
	}
	return names, nil
}

// list returns up to n entries of the directory, in no order.
func (s *Store) list(ctx context.Context, n int) ([]os.DirEntry, error) {
	return folder.Within(ctx, s.slots, func() ([]os.DirEntry, error) { return list(s.config.Dir, n) })
}

func list(path string, n int) (entries []os.DirEntry, err error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("opening the session directory: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	dir, err := root.Open(".")
	if err != nil {
		return nil, fmt.Errorf("listing the session directory: %w", err)
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	entries, err = dir.ReadDir(n)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("listing the session directory: %w", err)
	}
	return entries, nil
}
