//go:build !linux

package main

import "net"

// quickConn is a connection as it is: only Linux acknowledges at once.
type quickConn struct{ net.Conn }
