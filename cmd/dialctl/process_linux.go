package main

import "syscall"

// apart puts a child into a process group of its own, so that Ctrl-C reaches us
// alone and we end it in order, and has it die with us whatever happens.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
