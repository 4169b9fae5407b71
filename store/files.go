package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Paths are the places of one store's files. Keys may lie anywhere else, and
// should: whoever copies the store must not copy its keys by accident.
type Paths struct {
	// Ledger, Directory, Journal and Mark are files, Keys is a directory. Journal
	// and Mark stand outside the ledger's backups.
	Ledger, Directory, Journal, Mark, Keys string
	// KeysConfirmed is the file that says that a backup of the keys was opened.
	KeysConfirmed string
}

// PathsIn returns the usual places under one data directory.
func PathsIn(dir string) Paths {
	return Paths{
		Ledger:    filepath.Join(dir, "ledger.db"),
		Directory: filepath.Join(dir, "directory.db"),
		Journal:   filepath.Join(dir, "objections.journal"),
		Mark:      filepath.Join(dir, "ledger.mark"),
		Keys:      filepath.Join(dir, "keys"),

		KeysConfirmed: filepath.Join(dir, "keys.confirmed"),
	}
}

// Exist tells whether any file of the store is there, which forbids making new
// keys: see LoadOrCreateKeys.
func (p Paths) Exist() (bool, error) {
	for _, path := range []string{p.Ledger, p.Directory, p.Journal} {
		if there, err := exists(path); err != nil || there {
			return there, err
		}
	}
	return false, nil
}

func exists(path string) (bool, error) {
	switch _, err := os.Stat(path); {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	default:
		return false, fmt.Errorf("look for %s: %w", path, err)
	}
}

// syncDir makes what was created, renamed or removed in dir survive a power
// loss: without it a synced file may be without its name.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open folder to sync it: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	return nil
}

// createFile writes a file that must not exist yet, whole or not at all: the
// name appears only once the content is on disk.
func createFile(path string, content []byte) error {
	temp, err := createTemp(path)
	if err != nil {
		return err
	}
	if err := writeSynced(temp, content); err != nil {
		return errors.Join(err, removeIfThere(temp))
	}
	return publish(temp, path)
}

// createTemp makes an empty file beside path, under a name of its own: two
// processes that both find no store must not write into each other's.
func createTemp(path string) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*"+tempSuffix)
	if err != nil {
		return "", fmt.Errorf("create file: %w", err)
	}
	if err := f.Close(); err != nil {
		return "", fmt.Errorf("create file: %w", err)
	}
	return f.Name(), nil
}

const tempSuffix = ".tmp"

// publish gives a synced file its final name. A link is used rather than a
// rename, since it fails where the name is taken: whoever comes second must
// not replace what the first one already uses.
func publish(temp, path string) error {
	if err := os.Link(temp, path); err != nil {
		return errors.Join(fmt.Errorf("give the new file its name: %w", err), removeIfThere(temp))
	}
	if err := os.Remove(temp); err != nil {
		return fmt.Errorf("remove the temporary name: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// removeTemps removes the temporary files that a crash has left beside path.
func removeTemps(path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("look for leftovers: %w", err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || !strings.HasPrefix(name, filepath.Base(path)+".") || !strings.HasSuffix(name, tempSuffix) {
			continue
		}
		if err := removeIfThere(filepath.Join(filepath.Dir(path), name)); err != nil {
			return err
		}
	}
	return nil
}

// writeSynced replaces a file's content and brings it to disk.
func writeSynced(path string, content []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("create file: %w", err)
	}
	defer func() {
		if closed := f.Close(); err == nil && closed != nil {
			err = fmt.Errorf("close file: %w", closed)
		}
	}()
	if _, err := f.Write(content); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", path, err)
	}
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove leftover: %w", err)
	}
	return nil
}
