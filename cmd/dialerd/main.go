// Dialerd is the broker's dialer: see dialerd --help.
package main

import (
	"context"
	"os"

	"github.com/hustings/hustings/cmd/internal/daemon"
)

func main() {
	os.Exit(daemon.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}
