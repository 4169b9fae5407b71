package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/cmd/internal/daemon"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

// The hidden verbs by which the demo runs this program as its own children.
const (
	verbDaemon  = "daemon"
	verbCarrier = "sandbox-carrier"
)

func (a *app) demoCommand() *cobra.Command {
	d := &demo{app: a}
	command := &cobra.Command{
		Use: "demo", Short: "three campaigns in a SANDBOX, with a kill -9 in the middle, in half a minute", Args: wants(),
		Long: `demo runs a carrier that only pretends and a daemon, each in a process of its own
on this machine, and lets two parties order the same contacts, and one of them calls
to others: 10,000 invented people with fictional numbers. While it dials, people write
STOP, or press 9 in a call, and the daemon is killed and started again. In the end the carrier's own log is the judge: was
anybody tried twice, after their STOP, or for both parties? If so the exit code
is 5.

Nothing leaves the machine. The files stay, for you to look at.`,
		RunE: func(command *cobra.Command, _ []string) error { return d.run(command.Context()) },
	}
	command.Flags().StringVar(&d.directory, "keep", "", "`folder` for the demo's files, new or empty (default a temporary one)")
	command.Flags().Float64Var(&d.speed, "speed", 600, "sandbox seconds a real second while people are dialled")
	command.Flags().Uint64Var(&d.seed, "seed", 1, "what happens to whom: one seed, one story")
	return command
}

// childCommands are the programs that the demo runs beside itself.
func (a *app) childCommands() []*cobra.Command {
	as := func(verb string, run func(ctx context.Context, args []string) int) *cobra.Command {
		return &cobra.Command{
			Use: verb, Hidden: true, DisableFlagParsing: true,
			RunE: func(command *cobra.Command, args []string) error {
				if code := run(command.Context(), args); code != exitOK {
					return &failure{message: verb + " failed", code: code, told: true}
				}
				return nil
			},
		}
	}
	return []*cobra.Command{
		as(verbDaemon, func(ctx context.Context, args []string) int { return daemon.Main(ctx, args, a.out, a.err) }),
		as(verbCarrier, func(ctx context.Context, args []string) int { return sandbox.Main(ctx, args, a.out, a.err) }),
	}
}

// demo is one run of the demo.
type demo struct {
	app       *app
	directory string
	speed     float64
	seed      uint64

	began time.Time
	stage *stage
}

// run tells the story from beginning to end.
func (d *demo) run(ctx context.Context) (err error) {
	if d.speed <= 0 || d.speed > demoFastest {
		return usage(fmt.Sprintf("above 0 and at most %d", demoFastest), "--speed %g is out of bounds", d.speed)
	}
	if err := d.prepare(); err != nil {
		return failed("demo", err)
	}
	d.began = time.Now()
	d.app.say("SANDBOX demo: all people are invented, and nothing leaves this machine")
	d.app.say("it is %s there, and time passes %g times as fast as here: %s a second",
		instant(demoStart), d.speed, span(time.Duration(d.speed*float64(time.Second))))
	d.stage = newStage(d)
	defer func() {
		d.stage.close()
		if err != nil && exitCode(err) != exitViolated {
			d.app.say("the demo's files stay in %s", d.directory)
		}
	}()
	for _, act := range []func(context.Context) error{
		d.openStage, d.importLists, d.submitCampaigns, d.dialUntilTheMiddle, d.killAndRestart, d.dialOnward, d.goOverseas, d.releaseReports,
	} {
		if err := d.stage.guard(ctx, act); err != nil {
			return failed("demo", err)
		}
	}
	return d.conclude()
}

// prepare makes the folder.
func (d *demo) prepare() error {
	var err error
	if d.directory == "" {
		d.directory, err = os.MkdirTemp("", "hustings-demo-")
		return err
	}
	if d.directory, err = filepath.Abs(d.directory); err != nil {
		return err
	}
	if err = os.MkdirAll(d.directory, 0o700); err != nil {
		return err
	}
	there, err := os.ReadDir(d.directory)
	if err == nil && len(there) > 0 {
		err = withHint(errors.New(d.directory+" is not empty"), "name a new folder: each demo begins from nothing")
	}
	return err
}

// tell prints a step of the story with the time since its beginning.
func (d *demo) tell(format string, values ...any) {
	d.app.say("%5.1fs  %s", time.Since(d.began).Seconds(), fmt.Sprintf(format, values...))
}

func (d *demo) path(parts ...string) string {
	return filepath.Join(append([]string{d.directory}, parts...)...)
}
