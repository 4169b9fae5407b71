package sandbox

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// Exit codes of Main.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// defaultAccountSID is plainly nobody's.
const defaultAccountSID = "AC0000000000000000000000005a4db0a0"

// settings are what the command line says.
type settings struct {
	options   Options
	listen    string
	anywhere  bool
	tokenFile string
	start     string
	console   bool

	mix, faultsFile string
	faults          []func(*Faults) // the flags of single faults, in their order
}

// Main runs a sandbox as a process of its own until ctx ends, and returns the
// exit code: 0, 1 where something failed, 2 for a wrong command line. args are
// without the program's name. When it is ready it prints one line to stdout:
//
//	SANDBOX carrier listening on http://127.0.0.1:4010
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	asked, err := parseSettings(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "sandbox: %v (%s)\n", err, hintFor(err))
		return exitUsage
	}
	if err := run(ctx, asked, stdout); err != nil {
		_, _ = fmt.Fprintf(stderr, "sandbox: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// hintFor says what to do about a wrong command line.
func hintFor(err error) string {
	if wrong, ok := errors.AsType[*FaultsFileError](err); ok && wrong.Hint != "" {
		return wrong.Hint
	}
	return "see --help"
}

// run serves until ctx ends.
func run(ctx context.Context, asked *settings, stdout io.Writer) error {
	token, err := os.ReadFile(asked.tokenFile)
	if err != nil {
		return fmt.Errorf("read auth token: %w", err)
	}
	asked.options.AuthToken = strings.TrimSpace(string(token))
	server, err := New(asked.options)
	if err != nil {
		return err
	}
	if err := server.Start(asked.listen); err != nil {
		return errors.Join(err, server.Close())
	}
	if _, err := fmt.Fprintf(stdout, "SANDBOX carrier listening on %s\n", server.URL()); err != nil {
		return errors.Join(fmt.Errorf("tell the address: %w", err), server.Close())
	}
	<-ctx.Done()
	return server.Close()
}

// parseSettings reads the command line. Asked for help, it prints the usage and
// returns flag.ErrHelp.
func parseSettings(args []string, stderr io.Writer) (*settings, error) {
	asked := &settings{}
	flags := asked.flags()
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			printUsage(flags, stderr)
		}
		return nil, err
	}
	options := &asked.options
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if options.Log == "" || asked.tokenFile == "" {
		return nil, errors.New("--log and --auth-token-file are required")
	}
	if !asked.anywhere && !loopback(asked.listen) {
		return nil, fmt.Errorf("%q is not a loopback address: a SANDBOX that others can reach needs --listen-anywhere", asked.listen)
	}
	if asked.start != "" {
		start, err := time.Parse(time.RFC3339, asked.start)
		if err != nil {
			return nil, fmt.Errorf("--clock-start: %w", err)
		}
		options.Start = start
	}
	if err := asked.setFaults(); err != nil {
		return nil, err
	}
	options.setShares(flags)
	output := stderr
	if asked.console {
		output = zerolog.ConsoleWriter{Out: stderr, NoColor: true, TimeFormat: time.TimeOnly}
	}
	options.Logger = zerolog.New(output).With().Timestamp().Str("component", "sandbox").Logger()
	return asked, nil
}

// setShares says what the shares mean on the command line: a zero is meant, not
// forgotten, and the load mode has replies only where they are asked for.
func (options *Options) setShares(flags *flag.FlagSet) {
	stopsAsked := false
	flags.Visit(func(given *flag.Flag) { stopsAsked = stopsAsked || given.Name == "stop-fraction" })
	if options.Instant && !stopsAsked {
		options.StopFraction = 0
	}
	for _, share := range []*float64{
		&options.Undelivered, &options.Failed, &options.Silent, &options.StopFraction,
		&options.Calls.Failed, &options.Calls.Busy, &options.Calls.Declined, &options.Calls.NoAnswer,
		&options.Calls.Machine, &options.Calls.Objects, &options.Calls.Confused, &options.Calls.HangUp,
	} {
		if *share == 0 {
			*share = -1
		}
	}
}

func printUsage(flags *flag.FlagSet, stderr io.Writer) {
	_, _ = fmt.Fprint(stderr, "SANDBOX: a carrier that speaks Twilio's Messages and Calls API and reaches nobody.\n\n"+
		"usage: sandbox --log FILE --auth-token-file FILE [flags]\n\n")
	flags.SetOutput(stderr)
	flags.PrintDefaults()
}

// flags binds the settings to their names.
func (asked *settings) flags() *flag.FlagSet {
	options := &asked.options
	flags := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are printed once, by Main
	flags.Usage = func() {}
	flags.StringVar(&asked.listen, "listen", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	flags.BoolVar(&asked.anywhere, "listen-anywhere", false, "allow an address that others can reach")
	flags.StringVar(&options.Log, "log", "", "append-only log `file`; holds numbers in clear")
	flags.StringVar(&options.AccountSID, "account-sid", defaultAccountSID, "AC and 32 hexadecimal digits")
	flags.StringVar(&asked.tokenFile, "auth-token-file", "", "`file` with the auth token")
	flags.StringVar(&options.InboundURL, "inbound-url", "", "where inbound texts are posted")
	flags.StringVar(&options.VoiceURL, "voice-url", "", "where people who call us are answered")
	flags.Uint64Var(&options.Seed, "seed", 1, "all that is drawn, is drawn from here")
	flags.StringVar(&asked.start, "clock-start", "", "sandbox `instant` of the first start, RFC 3339; default the real time")
	flags.Float64Var(&options.Speed, "clock-speed", DefaultSpeed, "sandbox seconds per real second")
	flags.Float64Var(&options.Undelivered, "undelivered-fraction", DefaultUndelivered, "share of numbers whose messages end undelivered")
	flags.Float64Var(&options.Failed, "failed-fraction", DefaultFailed, "share of numbers whose messages end failed")
	flags.Float64Var(&options.Silent, "silent-fraction", DefaultSilent, "share of numbers whose messages stay sent for ever")
	flags.Float64Var(&options.StopFraction, "stop-fraction", DefaultStopFraction, "share of numbers that answer a delivered message")
	options.Calls.flags(flags)
	flags.Float64Var(&options.CallsPerSecond, "calls-per-second", 0, "calls that begin in a sandbox second, the others wait; 0 means no limit")
	flags.BoolVar(&options.CarrierStops, "carrier-stops", false, "keep STOP keywords as Twilio does")
	flags.BoolVar(&options.SilentAlphanumeric, "silent-alphanumeric", false, "no replies to senders with a letter")
	flags.Float64Var(&options.Rate, "rate", 0, "limit in segments a sandbox second; 0 means none")
	flags.DurationVar(&options.Latency, "latency", 0, "real time added to every answer")
	flags.IntVar(&options.CallbackWorkers, "callback-workers", DefaultCallbackWorkers, "callbacks under way at the same time")
	flags.BoolVar(&options.Instant, "instant", false, "load mode: delivered at once, one callback; shares are ignored")
	asked.faultFlags(flags)
	flags.BoolVar(&asked.console, "log-console", false, "operational log for people instead of JSON")
	return flags
}

// faultFlags binds what the command line says of faults.
func (asked *settings) faultFlags(flags *flag.FlagSet) {
	flags.StringVar(&asked.mix, "fault-mix", "", "`name` of a mix of faults: "+MixNone+" or "+MixStandard)
	flags.StringVar(&asked.faultsFile, "faults", "", "`file` of faults, YAML or JSON, in the place of a mix")
	flags.Func("fault", "`name=probability` of a fault, on top of the mix or the file: "+
		names(requestFaults, readFaults, messageFaults)+"; can be given again", asked.setFault)
	for _, old := range []Fault{FaultCallbackLost, FaultCallbackTwice, FaultCallbackLate} {
		name := strings.ReplaceAll(string(old), "_", "-")
		flags.Func(name, "`probability`: the same as --fault "+string(old)+"=probability", func(value string) error {
			return asked.setFault(string(old) + "=" + value)
		})
	}
}

// setFault reads name=probability.
func (asked *settings) setFault(text string) error {
	name, value, _ := strings.Cut(text, "=")
	probability, err := strconv.ParseFloat(value, 64)
	if err != nil || !new(Faults).set(Fault(name), probability) {
		return fmt.Errorf("%q is not a fault and its probability", text)
	}
	asked.faults = append(asked.faults, func(faults *Faults) { faults.set(Fault(name), probability) })
	return nil
}

// setFaults puts the faults together: the mix or the file, and the single faults.
func (asked *settings) setFaults() error {
	if asked.mix != "" && asked.faultsFile != "" {
		return errors.New("--fault-mix and --faults exclude each other: name the mix in the file, with the key mix")
	}
	var err error
	switch {
	case asked.mix != "":
		asked.options.Faults, err = Mix(asked.mix)
	case asked.faultsFile != "":
		asked.options.Faults, err = ReadFaults(asked.faultsFile)
	}
	for _, set := range asked.faults {
		set(&asked.options.Faults)
	}
	return err
}
