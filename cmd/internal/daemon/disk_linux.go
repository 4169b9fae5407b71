package daemon

import (
	"fmt"
	"syscall"
)

// freeSpace returns how many bytes the daemon may still write below the folder.
func freeSpace(folder string) (free uint64, known bool, err error) {
	var found syscall.Statfs_t
	if err := syscall.Statfs(folder, &found); err != nil {
		return 0, true, fmt.Errorf("measure the free space at %s: %w", folder, err)
	}
	return found.Bavail * uint64(found.Bsize), true, nil
}
