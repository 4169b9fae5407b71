package main

import (
	"net"
	"syscall"
)

// quickConn acknowledges at once what it has read. Kannel leaves Nagle's
// algorithm on; against delayed acknowledgements it would stand still for 40 ms a
// window, which is no property of its own.
type quickConn struct{ net.Conn }

func (c quickConn) Read(to []byte) (int, error) {
	n, err := c.Conn.Read(to)
	if connection, ok := c.Conn.(*net.TCPConn); ok {
		if raw, broken := connection.SyscallConn(); broken == nil {
			_ = raw.Control(func(fd uintptr) {
				_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1) // else it is slower, and the figures show it
			})
		}
	}
	return n, err
}
