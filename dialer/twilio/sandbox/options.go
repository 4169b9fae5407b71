package sandbox

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/rs/zerolog"
)

// Defaults that an unset option takes.
const (
	DefaultUndelivered     = 0.05 // share of numbers whose messages end undelivered
	DefaultFailed          = 0.01 // share of numbers whose messages end failed
	DefaultSilent          = 0.01 // share of numbers whose messages stay sent for ever
	DefaultStopFraction    = 0.02 // share of numbers that answer a delivered message
	DefaultCallbackWorkers = 64
	DefaultSpeed           = 1.0
)

// maximumRate bounds the rate limit, in segments a second.
const maximumRate = 1e6

// Options say how a sandbox plays the carrier. Log, AccountSID and AuthToken are
// required. The shares take their default where they are zero, and mean none
// where they are negative.
type Options struct {
	Log        string // path of the append-only log, created with mode 0600
	Seed       uint64 // all that is drawn, is drawn from here
	AccountSID string // AC and 32 hexadecimal digits
	AuthToken  string // password of the API and key of the callbacks' signatures

	Start time.Time // sandbox instant of the first start; zero means the real time
	Speed float64   // sandbox seconds per real second; zero means 1

	Undelivered float64 // share of numbers, 0..1
	Failed      float64 // share of numbers, 0..1
	Silent      float64 // share of numbers whose messages get no final status, 0..1

	StopFraction       float64 // share of numbers that answer a delivered message, 0..1
	InboundURL         string  // where inbound texts are posted; see [Server.SetInboundURL]
	VoiceURL           string  // where people who call us are answered; see [Server.SetVoiceURL]
	CarrierStops       bool    // keep STOP keywords as Twilio does: block the pair, send OptOutType
	SilentAlphanumeric bool    // no replies to senders with a letter, as in real life

	Calls          CallShares
	CallsPerSecond float64 // beyond it, in sandbox time, calls wait; zero means no limit

	Faults  Faults        // injected trouble
	Latency time.Duration // real time added to every answer of the API
	Rate    float64       // segments a sandbox second; zero means no limit

	CallbackWorkers int  // callbacks under way at the same time
	Instant         bool // load mode: every message is delivered at once, with a single callback; unset shares mean none

	// Observe is called with every record as it is put in line for the log, in
	// order. It must not block and must not call the sandbox.
	Observe func(Record)

	Logger zerolog.Logger // operational log; holds no numbers. The zero value discards
}

var accountPattern = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)

// withDefaults fills what is unset.
func (options Options) withDefaults() Options {
	share := func(value *float64, usual float64) {
		if *value == 0 && !options.Instant {
			*value = usual
		}
		*value = max(*value, 0)
	}
	share(&options.Undelivered, DefaultUndelivered)
	share(&options.Failed, DefaultFailed)
	share(&options.Silent, DefaultSilent)
	share(&options.StopFraction, DefaultStopFraction)
	options.Calls = options.Calls.withDefaults()
	if options.Speed == 0 {
		options.Speed = DefaultSpeed
	}
	if options.CallbackWorkers == 0 {
		options.CallbackWorkers = DefaultCallbackWorkers
	}
	return options
}

// validate refuses options that would make a sandbox that cannot be trusted.
func (options Options) validate() error {
	switch {
	case options.Log == "":
		return errors.New("a log path is required")
	case !accountPattern.MatchString(options.AccountSID):
		return fmt.Errorf("account sid %q is not AC and 32 hexadecimal digits", options.AccountSID)
	case options.AuthToken == "":
		// An empty token would accept whatever anybody signs with an empty key.
		return errors.New("an auth token is required")
	case !(options.Undelivered+options.Failed+options.Silent <= 1):
		return errors.New("undelivered, failed and silent together exceed 1")
	case !(options.StopFraction <= 1):
		return errors.New("the stop fraction exceeds 1")
	case options.Calls.Failed+options.Calls.Busy+options.Calls.Declined+options.Calls.NoAnswer > 1 || options.Calls.Machine > 1 ||
		options.Calls.Objects+options.Calls.Confused+options.Calls.HangUp > 1:
		return errors.New("the shares of calls together exceed 1")
	case !(options.CallsPerSecond >= 0 && options.CallsPerSecond <= maximumRate):
		return fmt.Errorf("%v calls a second are outside 0..%v", options.CallsPerSecond, maximumRate)
	case !(options.Rate >= 0 && options.Rate <= maximumRate):
		return fmt.Errorf("rate limit %v is outside 0..%v", options.Rate, maximumRate)
	case options.Latency < 0:
		return errors.New("the latency is negative")
	case options.CallbackWorkers < 0:
		return errors.New("the number of callback workers is negative")
	}
	if options.InboundURL != "" {
		if _, err := parseTarget(options.InboundURL); err != nil {
			return fmt.Errorf("inbound url: %w", err)
		}
	}
	if options.VoiceURL != "" {
		if _, err := parseTarget(options.VoiceURL); err != nil {
			return fmt.Errorf("voice url: %w", err)
		}
	}
	return options.Faults.validate()
}
