package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/hustings/hustings/queue"
)

const rootHelp = `dialctl gives orders to dialerd, the broker's dialer, and shows what it does.

  dialctl demo                       a week of a campaign in half a minute, in a SANDBOX
  dialctl contacts import LIST.csv --source "where it comes from"
  dialctl consent import GRANTS.csv --source "where it comes from"
  dialctl campaign submit CAMPAIGN.yaml --dry-run
  dialctl campaign submit CAMPAIGN.yaml --watch
  dialctl optout add                 asks for the number without showing it
  dialctl report verify REPORT.json --key KEY.pem

Results go to standard output, everything else to standard error. With --json
every verb prints what programs can read. No verb prints a phone number.

environment:
  HUSTINGS_NATS         as --server
  XDG_CONFIG_HOME       where --context looks for nats/context/NAME.json (~/.config)
  HUSTINGS_NATS_TOKEN   the secret of the daemon's server, in place of its file
  HUSTINGS_DATA         as --data-directory
  HUSTINGS_OPERATOR     as --operator
  HUSTINGS_OPERATOR_KEY as --key: the file of the operator's private key

exit codes:
  0  done
  1  refused or failed
  2  the command line is wrong
  3  no daemon can be reached
  4  the campaign is rejected: something in it is wrong
  5  a carrier's log shows that a promise was broken`

// app is one run of dialctl: its console and what the global flags say.
type app struct {
	console
	server      string
	credentials string
	authorities string
	context     string
	data        string
	operator    string
	timeout     time.Duration
}

const defaultServer = "nats://127.0.0.1:4222"

const (
	groupLists     = "lists"
	groupCampaigns = "campaigns"
	groupDaemon    = "daemon"
	groupOffline   = "offline"
)

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "dialctl", Short: "orders for dialerd, and what it does", Long: rootHelp,
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.ArbitraryArgs, RunE: wantsVerb,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.server, "server", fromEnvironment("HUSTINGS_NATS", defaultServer), "`address` of the daemon's NATS server")
	flags.StringVar(&a.credentials, "credentials", "", "NATS credentials `file`, or one with the seed of an nkey, for a server of your own")
	flags.StringVar(&a.authorities, "ca", "", "`file` of the authorities that have signed that server's certificate (default the system's)")
	flags.StringVar(&a.context, "context", "", "`name` of a context of the nats command line, in place of server, credentials and secret")
	root.MarkFlagsMutuallyExclusive("context", "server")
	root.MarkFlagsMutuallyExclusive("context", "credentials")
	root.MarkFlagsMutuallyExclusive("context", "ca")
	_ = root.RegisterFlagCompletionFunc("context", completeContexts)
	flags.StringVar(&a.data, "data-directory", fromEnvironment("HUSTINGS_DATA", "hustings-data"), "the daemon's data `folder`, where the secret of its server lies")
	flags.StringVar(&a.operator, "operator", os.Getenv("HUSTINGS_OPERATOR"), "`id` of who gives the order; it is kept in the records")
	flags.DurationVar(&a.timeout, "timeout", 0, "give up after so long (default: 15s for an answer, 30s for a job, never for lists and watching)")
	flags.BoolVar(&a.asJSON, "json", false, "print what programs can read")
	flags.BoolVar(&a.quiet, "quiet", false, "no progress, results and errors only")
	root.AddGroup(
		&cobra.Group{ID: groupLists, Title: "Lists:"},
		&cobra.Group{ID: groupCampaigns, Title: "Campaigns:"},
		&cobra.Group{ID: groupDaemon, Title: "The daemon:"},
		&cobra.Group{ID: groupOffline, Title: "Without a daemon:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, command := range commands {
			command.GroupID = group
			root.AddCommand(command)
		}
	}
	add(groupLists, a.contactsCommand(), a.consentCommand(), a.optOutCommand(), a.listCommand(), a.contactCommand())
	add(groupCampaigns, a.campaignCommand(), a.watchCommand(), a.segmentCommand(), a.reservationCommand(), a.reportCommand(), a.fairnessCommand(), a.invoiceCommand(), a.noticeCommand(), a.partyCommand())
	add(groupOffline, a.keyCommand())
	add(groupOffline, a.operatorCommand())
	add(groupDaemon, a.statusCommand(), a.logCommand(), a.storeCommand(), a.retentionCommand(), a.auditCommand(), a.sandboxCommand())
	add(groupOffline, a.demoCommand(), a.policyCommand(), a.schemaCommand(), a.sampleCommand(), a.versionCommand(), a.manualCommand(), a.recordsCommand())
	root.AddCommand(a.childCommands()...)
	root.SetHelpCommandGroupID(groupOffline)
	root.SetCompletionCommandGroupID(groupOffline)
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return usage("see "+command.CommandPath()+" --help", "%s", withoutNumbers(err.Error()))
	})
	root.SetUsageTemplate(usageTemplate(root.UsageTemplate()))
	root.InitDefaultCompletionCmd()
	strict(root)
	return root
}

func fromEnvironment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// dial connects to the daemon. Whoever calls it closes the client.
func (a *app) dial() (*queue.Client, error) {
	options, missing, err := a.connection()
	if err != nil {
		return nil, failed("connect to the daemon", err)
	}
	client, err := queue.Dial(options)
	if err != nil && missing && queue.CodeOf(err) == queue.CodeRefused {
		// A server without a secret may be meant, so that its absence is only
		// wrong once the server asks for it.
		return nil, &failure{
			message: fmt.Sprintf("connect to the daemon: %v, and there is no %s", err, queue.TokenPath(a.data)), cause: err,
			hint: "name the daemon's data directory with --data-directory or HUSTINGS_DATA",
		}
	}
	return client, failed("connect to the daemon", err)
}

// connection returns how to connect, and whether the secret that lies in the daemon's
// data directory was looked for in vain.
func (a *app) connection() (options queue.ClientOptions, missing bool, err error) {
	if a.context != "" {
		// The secret of the daemon here is not shown to a server elsewhere.
		options, err = readContext(a.context)
		options.Logger = zerolog.Nop()
		return options, false, err
	}
	options = queue.ClientOptions{URL: a.server, Credentials: a.credentials, CA: a.authorities, Token: os.Getenv("HUSTINGS_NATS_TOKEN"), Logger: zerolog.Nop()}
	if options.Token == "" && options.Credentials == "" {
		options.Token, err = queue.ReadToken(a.data)
		if missing = errors.Is(err, fs.ErrNotExist); missing {
			err = nil
		}
	}
	return options, missing, err
}

// bounded ends the context after the time that was asked for, if any.
func (a *app) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if a.timeout > 0 {
		return context.WithTimeout(ctx, a.timeout)
	}
	return context.WithCancel(ctx)
}

// withDaemon connects, calls do and disconnects.
func (a *app) withDaemon(ctx context.Context, do func(ctx context.Context, client *queue.Client) error) error {
	client, err := a.dial()
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	err = do(ctx, client)
	var control *queue.ControlError
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) && !errors.As(err, &control) {
		return &failure{message: fmt.Sprintf("gave up after %s, as asked", a.timeout), cause: err, hint: "whatever the daemon had begun goes on"}
	}
	return err
}

// asked asks the daemon and prints what it answers.
func (a *app) asked(command *cobra.Command, verb queue.Verb, request, answer any, what string, print func(io.Writer) error) error {
	return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
		if err := client.Call(ctx, verb, request, answer); err != nil {
			return failed(what, err)
		}
		return a.result(answer, print)
	})
}
