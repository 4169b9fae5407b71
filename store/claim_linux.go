package store

import "syscall"

// keepSize has blocks allocated behind the file's end without moving it
// (FALLOC_FL_KEEP_SIZE, fallocate(2)).
const keepSize = 1

// claim sets blocks aside for what will be appended to the file, as many of the
// size as there are. It is a help and no promise: not every file system can.
func claim(file journalFile, end, size int64) {
	f, ok := file.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		for ; size >= 4<<10 && syscall.Fallocate(int(fd), keepSize, end, size) != nil; size -= size / 4 {
		}
	})
}
