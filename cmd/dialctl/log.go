package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/queue"
)

func (a *app) logCommand() *cobra.Command {
	return group("log", "how much the daemon logs", &cobra.Command{
		Use: "level [debug|info|warn|error]", Short: "from which level on the daemon logs; another one holds until its next start",
		Args: atMost("LEVEL"), ValidArgs: []cobra.Completion{"debug", "info", "warn", "error"},
		Long: `level prints from which level on the daemon logs. With one named, the daemon logs from
that one on, until its next start: then log.level in dialerd.yaml counts again.`,
		Example: `  dialctl log level
  dialctl log level debug`,
		RunE: func(command *cobra.Command, args []string) error {
			asked := queue.LogLevel{Operator: a.operator}
			if len(args) > 0 {
				asked.Level = args[0]
			}
			var answer queue.LogLevel
			return a.asked(command, queue.VerbLogLevel, asked, &answer, "ask for the level of the log", func(w io.Writer) error {
				return table(w, cell("level", answer.Level), cell("after a restart", answer.Configured))
			})
		},
	})
}
