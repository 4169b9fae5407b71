package store

import (
	"fmt"
	"os"
	"runtime/debug"

	bolt "go.etcd.io/bbolt"
)

// openFile opens a bbolt file. Where bbolt would panic over a damaged one, or
// fault beyond the end of one that was cut short, it returns an error.
func openFile(path string, options *bolt.Options) (db *bolt.DB, err error) {
	defer recoverDamage(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	return bolt.Open(path, 0o600, options)
}

// recoverDamage turns a panic into an error. The file may then stay locked
// until the process exits, which it is about to do.
func recoverDamage(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("the file is damaged: %v; restore it from backup", cause)
	}
}

// checkSize refuses a file that is shorter than it says: reading on would end
// the program where the map has no file behind it.
func checkSize(btx *bolt.Tx) error {
	info, err := os.Stat(btx.DB().Path())
	if err != nil {
		return fmt.Errorf("look at file: %w", err)
	}
	if info.Size() < btx.Size() {
		return fmt.Errorf("the file was cut short: it has %d bytes of %d; restore it from backup", info.Size(), btx.Size())
	}
	return nil
}
