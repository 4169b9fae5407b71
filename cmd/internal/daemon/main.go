package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	standardlog "log"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/cmd/internal/build"
	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// The exit codes of dialerd.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitConfig  = 3
	exitForced  = 4
	usageHeader = `dialerd places campaign messages to electors who agreed to them, and to nobody else.

usage:
  dialerd [--config FILE] [flags]   run; with no file at all, in a SANDBOX
  dialerd check FILE                check a configuration and say what is wrong where
  dialerd version [--json]          print the version

SIGTERM and SIGINT let the requests in flight finish; a second one stops at once,
and so does SIGQUIT.
SIGHUP reads the packs of rules and the configuration anew, and keeps the old ones
if any is wrong; log.level is set at once, and the log says what needs a restart.
A file named STOP in the data directory halts all dialling while it is there.

exit codes: 0 stopped as asked, 1 failed (start it again), 2 usage, 3 wrong
configuration, 4 stopped at once by a signal

flags:
`
)

// Main is dialerd: it reads the command line, runs until a signal comes, and
// returns the exit code.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return MainWith(ctx, Seams{}, args, stdout, stderr)
}

// MainWith is Main with something of the caller's between the daemon's parts.
func MainWith(ctx context.Context, seams Seams, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		switch args[0] {
		case "check":
			return check(args[1:], stdout, stderr)
		case "version":
			return printVersion(args[1:], stdout, stderr)
		}
	}
	var asked arguments
	flags := asked.flags(stderr)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case flags.NArg() > 0:
		_, _ = fmt.Fprintf(stderr, "dialerd: %q is not understood (see dialerd --help)\n", flags.Arg(0))
		return exitUsage
	}
	if err := asked.check(); err != nil {
		_, _ = fmt.Fprintf(stderr, "dialerd: %v (see dialerd --help)\n", err)
		return exitUsage
	}
	read := func() (*configs.Config, error) { return asked.read(seams) }
	config, err := read()
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "dialerd: %v\n", err)
		return exitConfig
	}
	return serve(ctx, seams, config, read, stderr)
}

// read returns the configuration as the command line wants it.
func (a *arguments) read(seams Seams) (*configs.Config, error) {
	config, err := load(a.config, a.data)
	if err != nil {
		return nil, err
	}
	override(&config.Log.Format, a.format)
	override(&config.Log.Level, a.level)
	seams.config(config)
	return config, nil
}

// arguments are what the command line says.
type arguments struct{ config, data, format, level string }

func (a *arguments) flags(stderr io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet("dialerd", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { _, _ = io.WriteString(flags.Output(), usageHeader); flags.PrintDefaults() }
	flags.StringVar(&a.config, "config", "", "configuration `file`; without one, the embedded defaults: a SANDBOX")
	flags.StringVar(&a.data, "data-directory", "", "`folder` of the store, where there is no configuration file (default hustings-data)")
	flags.StringVar(&a.format, "log-format", "", "json or console; overrides the configuration")
	flags.StringVar(&a.level, "log-level", "", "debug, info, warn or error; overrides the configuration")
	return flags
}

// Usage is what dialerd --help prints.
func Usage() string {
	var text strings.Builder
	new(arguments).flags(&text).Usage()
	return text.String()
}

func override(setting *string, value string) {
	if value != "" {
		*setting = value
	}
}

// load reads the configuration, or takes the defaults where there is no file.
func load(path, data string) (*configs.Config, error) {
	if path != "" {
		config, err := configs.Load(path)
		if err == nil && data != "" {
			config.DataDirectory = data
		}
		return config, err
	}
	if data == "" {
		data = "hustings-data"
	}
	data, err := filepath.Abs(data)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	return configs.Defaults(data), nil
}

// silenceStandardLog keeps net/http from printing what a server sent unasked:
// it might repeat a number.
func silenceStandardLog() { standardlog.SetOutput(io.Discard) }

// silenceTracebacks keeps Go from printing the calls under way, with arguments that
// can be numbers, where a panic ends the process. GOTRACEBACK in the environment
// says otherwise; a failure of Go's own runtime is printed all the same.
func silenceTracebacks() { debug.SetTraceback("none") }

// collectLessOften trades memory for time: what lives on the heap is little beside
// the files that are mapped, and most of what a message needs is garbage at once.
// GOGC in the environment says otherwise.
func collectLessOften() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// serve runs the daemon until a signal comes or it fails.
func serve(ctx context.Context, seams Seams, config *configs.Config, read func() (*configs.Config, error), stderr io.Writer) int {
	silenceStandardLog()
	silenceTracebacks()
	collectLessOften()
	if config.Carrier.Kind == configs.CarrierSandbox {
		_, _ = fmt.Fprintln(stderr, "SANDBOX: nothing leaves this machine, and time runs as the sandbox's clock says")
	}
	d, err := newWith(seams, config, logTo(config.Log, stderr))
	if err != nil {
		return complain(stderr, err)
	}
	d.written.read = read
	ctx, stop := onSignal(ctx, d.log)
	defer stop()
	err = d.Run(ctx)
	if closed := d.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return complain(stderr, err)
	}
	return exitOK
}

// complain tells an error with its hint, and returns the exit code: a wrong file
// stays wrong, so that starting again does not help.
func complain(stderr io.Writer, err error) int {
	_, _ = fmt.Fprintf(stderr, "dialerd: %v\n", err)
	if hint := queue.HintOf(err); hint != "" {
		_, _ = fmt.Fprintf(stderr, "hint: %s\n", hint)
	}
	if _, wrong := errors.AsType[configs.Faults](err); wrong {
		return exitConfig
	}
	return exitFailed
}

// onSignal returns a context that ends with the first signal; the second one
// ends the process.
func onSignal(ctx context.Context, log zerolog.Logger) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)
	done := make(chan struct{})
	go func() {
		for count := 0; ; count++ {
			select {
			case s := <-signals:
				log.Info().Str(dialer.FieldEvent, eventSignal).Stringer("signal", s).Send()
				if count > 0 || s == syscall.SIGQUIT { // at which Go would print all calls, and numbers with them
					os.Exit(exitForced)
				}
				cancel()
			case <-done:
				return
			}
		}
	}()
	return ctx, func() { signal.Stop(signals); close(done); cancel() }
}

// check tells what is wrong with a log that was asked for on the command line.
func (a *arguments) check() error {
	if _, err := parseLevel(a.level); err != nil && a.level != "" {
		return fmt.Errorf("log level: %w", err)
	}
	if a.format != "" && a.format != "json" && a.format != "console" {
		return fmt.Errorf("log format: %q is neither json nor console", a.format)
	}
	return nil
}

// logTo returns where lines of JSON go to be read as the settings say.
func logTo(settings configs.Log, stderr io.Writer) io.Writer {
	if settings.Format == "console" {
		return zerolog.ConsoleWriter{Out: stderr, TimeFormat: "15:04:05"}
	}
	return stderr
}

// printVersion tells which dialerd this is.
func printVersion(args []string, stdout, stderr io.Writer) int {
	b := build.Read()
	switch {
	case len(args) == 0:
		_, _ = fmt.Fprintln(stdout, "dialerd", b)
	case len(args) == 1 && args[0] == "--json":
		_ = json.NewEncoder(stdout).Encode(b)
	default:
		_, _ = fmt.Fprintln(stderr, "usage: dialerd version [--json]")
		return exitUsage
	}
	return exitOK
}

// check prints what is wrong with a configuration.
func check(args []string, stdout, stderr io.Writer) int {
	if len(args) != 1 {
		_, _ = fmt.Fprintln(stderr, "usage: dialerd check FILE")
		return exitUsage
	}
	faults, err := configs.Check(args[0], stdout)
	switch {
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "dialerd: %v\n", err)
		return exitFailed
	case faults > 0:
		return exitConfig
	default:
		return exitOK
	}
}
