package storetest

import (
	"strconv"
	"syscall"
	"testing"
)

// SmallDisk returns an empty folder on a file system of its own with so many
// bytes, which can be filled to the last one. The test is skipped where none may
// be mounted.
func SmallDisk(tb testing.TB, size int) string {
	tb.Helper()
	folder := tb.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "mode=0700,size="+strconv.Itoa(size)); err != nil {
		tb.Skipf("a small file system cannot be mounted here, which wants root: %v", err)
	}
	tb.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			tb.Errorf("unmount: %v", err)
		}
	})
	return folder
}
