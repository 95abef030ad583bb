package djangocache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Delete implements store: _delete.
func (b *fileBackend) Delete(ctx context.Context, key string) (err error) {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("deleting from the cache: %w", err)
	}
	dir, err := os.OpenRoot(b.dir)
	if err != nil {
		return fmt.Errorf("opening the cache: %w", err)
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	if err := dir.Remove(fileName(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("deleting from the cache: %w", err)
	}
	return nil
}
