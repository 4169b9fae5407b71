//go:build !linux

package main

import "syscall"

// apart has nothing to add where children cannot be tied to us.
func apart() *syscall.SysProcAttr { return nil }
