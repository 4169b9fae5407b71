// Command sandbox is a carrier for demo, tests and load: it speaks Twilio's
// Messages API, plays plausible lives of messages, keeps its own log, and reaches
// nobody. See package sandbox.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return sandbox.Main(ctx, os.Args[1:], os.Stdout, os.Stderr)
}
