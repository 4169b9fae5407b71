package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
	"github.com/hustings/hustings/queue"
)

func (a *app) sandboxFaultsCommand() *cobra.Command {
	var base, mix string
	var show, clear bool
	command := &cobra.Command{
		Use: "faults FILE|--mix NAME|--show|--clear", Short: "what goes wrong at the sandbox from now on",
		Args: cobra.MaximumNArgs(1),
		Long: `faults sets what goes wrong at the sandbox from now on, in the place of what was
set before, and shows it. FILE is YAML or JSON, such as

  mix: standard            # begin with a named mix: none or standard
  probability:             # of create requests, and of lists
    hang: 0.01
    list_error: 0.05
  callback_lost: 0.02      # twice, late, early, shuffled, forged likewise
  inbound_lost: 0.10
  list_lag: 20s            # the sandbox's time
  hang_time: 5s            # real time
  rules:                   # the first that matches decides
    - {fault: reset, request: 10-20}
    - {fault: hang, to: "+33639980001", nth: 1}
    - {fault: throttle, request: 100-, probability: 0.5}

Package sandbox documents every fault. Without --url the daemon is asked where its
sandbox is. Numbers are shown masked.`,
	}
	command.RunE = func(command *cobra.Command, args []string) error {
		body, err := faultsAsked(args, mix, show, clear)
		if err != nil {
			return err
		}
		return a.withSandbox(command.Context(), base, func(ctx context.Context, base string) error {
			method := http.MethodPost
			if show {
				method = http.MethodGet
			}
			content, err := requestSandbox(ctx, method, base, "faults", body)
			if err != nil {
				return failed("set the sandbox's faults", err)
			}
			faults, err := sandbox.ParseFaults("the sandbox's answer", content)
			if err != nil {
				return failed("read the sandbox's faults", err)
			}
			maskRules(&faults)
			return a.result(faults, func(w io.Writer) error { return printFaults(w, faults) })
		})
	}
	flags := command.Flags()
	flags.StringVar(&base, "url", "", "`address` of a sandbox that no daemon here uses")
	flags.StringVar(&mix, "mix", "", "set a named mix: none or standard")
	flags.BoolVar(&show, "show", false, "change nothing")
	flags.BoolVar(&clear, "clear", false, "nothing goes wrong any more")
	return command
}

// faultsAsked returns what to send to the sandbox. A file is read strictly here,
// so that what is wrong with it is told with its name.
func faultsAsked(args []string, mix string, show, clear bool) ([]byte, error) {
	asked := 0
	for _, one := range []bool{len(args) > 0, mix != "", show, clear} {
		if one {
			asked++
		}
	}
	if asked != 1 {
		return nil, usage("see dialctl sandbox faults --help", "say one of FILE, --mix, --show and --clear")
	}
	faults := sandbox.Faults{}
	var err error
	switch {
	case show:
		return nil, nil
	case mix != "":
		if faults, err = sandbox.Mix(mix); err != nil {
			return nil, usage("see dialctl sandbox faults --help", "%s", withoutNumbers(err.Error()))
		}
	case len(args) > 0:
		if faults, err = sandbox.ReadFaults(args[0]); err != nil {
			if wrong, ok := errors.AsType[*sandbox.FaultsFileError](err); ok {
				return nil, withHint(err, wrong.Hint)
			}
			return nil, err
		}
	}
	body, err := json.Marshal(faults)
	return body, failed("encode the faults", err)
}

// withSandbox finds the sandbox, at the address that is given or through the
// daemon, and calls do.
func (a *app) withSandbox(ctx context.Context, base string, do func(ctx context.Context, base string) error) error {
	if base != "" {
		ctx, cancel := a.bounded(ctx)
		defer cancel()
		return do(ctx, base)
	}
	return a.withDaemon(ctx, func(ctx context.Context, client *queue.Client) error {
		var status queue.Status
		if err := client.Call(ctx, queue.VerbStatus, nil, &status); err != nil {
			return failed("ask the daemon for its sandbox", err)
		}
		if !status.Sandbox {
			return &failure{message: "the carrier is " + status.Carrier, hint: "a real carrier goes wrong by itself"}
		}
		return do(ctx, status.CarrierURL)
	})
}

// maskRules hides the numbers in rules.
func maskRules(faults *sandbox.Faults) {
	for at := range faults.Rules {
		rule := &faults.Rules[at]
		if rule.To == "" {
			continue
		}
		number, err := contact.ParseE164(rule.To)
		rule.To = number.String()
		if err != nil {
			rule.To = "•••"
		}
	}
}

func printFaults(w io.Writer, faults sandbox.Faults) error {
	var rows []string
	for _, fault := range sandbox.FaultNames() {
		if chance := faults.Chance(fault); chance > 0 {
			rows = append(rows, cell(string(fault), percent(chance)))
		}
	}
	for _, span := range []struct {
		name, of string
		length   time.Duration
	}{
		{"list_lag", "at most, the sandbox's time", faults.ListLag},
		{"hang_time", "real time", faults.HangTime},
		{"slow_time", "real time", faults.SlowTime},
	} {
		if span.length > 0 {
			rows = append(rows, cell(span.name, span.length.String(), span.of))
		}
	}
	for at, rule := range faults.Rules {
		text := fmt.Sprintf("rule %d: %s", at+1, rule.Fault)
		chance := rule.Probability
		if chance == 0 {
			chance = 1
		}
		rows = append(rows, cell(text, percent(chance), ruleText(rule)))
	}
	if len(rows) == 0 {
		rows = []string{"SANDBOX: nothing goes wrong"}
	}
	return table(w, rows...)
}

func percent(share float64) string {
	return strconv.FormatFloat(share*100, 'g', 6, 64) + " %"
}

// ruleText says what a rule matches.
func ruleText(rule sandbox.Rule) string {
	text := "requests " + rule.Request.String()
	if (rule.Request == sandbox.Span{}) {
		text = "all requests"
	}
	if rule.To != "" {
		text += " to " + rule.To
	}
	if (rule.Nth != sandbox.Span{}) {
		text += ", of those to the same number " + rule.Nth.String()
	}
	return text
}

func (a *app) sandboxOutageCommand() *cobra.Command {
	var base string
	var duration time.Duration
	command := &cobra.Command{
		Use: "outage [KIND]", Short: "have the whole sandbox fail for a while, or show whether it does", Args: cobra.MaximumNArgs(1),
		ValidArgs: []string{"unauthorized", "suspended", "refusing", "frozen", "none"},
		Long: `outage has the whole carrier fail for a while of real time:

  unauthorized   everything is answered 401
  suspended      everything is answered 403: the account is suspended
  refusing       connections are refused, and nobody is called back
  frozen         connections are accepted and never answered, and nobody is called back
  none           ends an outage; one that refuses connections ends by itself alone

Without KIND it shows what is going on. Without --url the daemon is asked where
its sandbox is.`,
	}
	command.RunE = func(command *cobra.Command, args []string) error {
		return a.withSandbox(command.Context(), base, func(ctx context.Context, base string) error {
			method, body := http.MethodGet, []byte(nil)
			if len(args) > 0 {
				method = http.MethodPost
				body, _ = json.Marshal(map[string]string{"kind": args[0], "for": duration.String()}) // two texts
			}
			content, err := requestSandbox(ctx, method, base, "outage", body)
			if err != nil {
				return failed("have the sandbox fail", err)
			}
			var outage struct {
				Kind string `json:"kind"`
				Left string `json:"left,omitempty"`
			}
			if err := json.Unmarshal(content, &outage); err != nil {
				return failed("read the sandbox's answer", err)
			}
			return a.result(outage, func(w io.Writer) error {
				if outage.Kind == string(sandbox.OutageNone) {
					_, err := fmt.Fprintln(w, "SANDBOX: no outage")
					return err
				}
				_, err := fmt.Fprintf(w, "SANDBOX: %s for another %s\n", outage.Kind, outage.Left)
				return err
			})
		})
	}
	command.Flags().StringVar(&base, "url", "", "`address` of a sandbox that no daemon here uses")
	command.Flags().DurationVar(&duration, "for", 30*time.Second, "how long, real time")
	return command
}
