package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/queue"
)

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "whether the daemon is ready, and what it waits for", Args: wants(),
		RunE: func(command *cobra.Command, _ []string) error {
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				var status queue.Status
				if err := client.Call(ctx, queue.VerbStatus, nil, &status); err != nil {
					return failed("ask for the status", err)
				}
				return a.result(status, func(w io.Writer) error { return printStatus(w, client.URL(), &status) })
			})
		},
	}
}

func printStatus(w io.Writer, server string, status *queue.Status) error {
	ready := "yes"
	if !status.Ready {
		ready = "no: " + strings.Join(status.Waiting, "; ")
	}
	carrier, now := status.Carrier, instant(status.Now)
	if status.Sandbox {
		carrier = "SANDBOX: nothing leaves the machine"
		now += fmt.Sprintf(" by the sandbox's clock, which runs at %g times real time", status.Speed)
	}
	rows := []string{
		cell("ready", ready),
		cell("daemon", status.Version+" at "+server),
		cell("carrier", carrier),
		cell("now", now),
		cell("rules", status.Pack),
		cell("contacts", grouped(status.Contacts)),
		cell("data", status.DataDirectory),
	}
	for _, notice := range status.Notices {
		rows = append(rows, cell("notice", notice))
	}
	if status.CarrierURL != "" {
		rows = append(rows, cell("sandbox", status.CarrierURL))
	}
	return table(w, rows...)
}
