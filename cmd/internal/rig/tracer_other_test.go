//go:build !linux || !amd64

package rig

import (
	"context"
	"fmt"
	"io"
	"runtime"
)

// traceDaemon is a role that cannot be played here: a system call's number and
// answer stand in registers, which are other ones on each machine.
func traceDaemon(_ context.Context, _ []string, _, stderr io.Writer) int {
	_, _ = fmt.Fprintf(stderr, "this is written for linux/amd64, not for %s/%s\n", runtime.GOOS, runtime.GOARCH)
	return exitUnlisted
}

// watchedDaemon is a daemon that nobody watches.
func watchedDaemon(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return mortalDaemon(ctx, args, stdout, stderr)
}
