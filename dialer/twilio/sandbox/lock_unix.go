//go:build unix

package sandbox

import (
	"fmt"
	"os"
	"syscall"
)

// lockFile makes sure that one process alone writes a log. The lock ends with
// the process, however it ends.
func lockFile(file *os.File) error {
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("lock %s, is another sandbox using it: %w", file.Name(), err)
	}
	return nil
}
