//go:build !linux

package folder

import "os"

// Replace has a temporary file take the place of the file of this name. What somebody deletes meanwhile may come back.
func Replace(root *os.Root, temporary, name string) error { return Move(root, temporary, name) }
