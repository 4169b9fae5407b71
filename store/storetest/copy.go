package storetest

import (
	"io/fs"
	"os"
	"path/filepath"
)

// CopyFolder copies a data directory to where nothing is yet, for its owner alone:
// keys are in it.
func CopyFolder(from, to string) error {
	source := os.DirFS(from)
	return fs.WalkDir(source, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, path)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		content, err := fs.ReadFile(source, path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o600)
	})
}
