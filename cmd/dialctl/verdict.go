package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

// verdict is what a carrier's log proves. It holds counts only.
type verdict struct {
	sandbox.Verdict
	// Parties are the requests for each sender; a sender speaks for one party.
	Parties map[string]int `json:"senders"`
	Twice   int            `json:"twice"`
	// AfterStop counts requests that began after the person's opt-out had been
	// acknowledged, TwoParties the numbers that more than one sender reached,
	// Overlaps the requests that began while another to the same number was under
	// way, and ForgeryBelieved the callbacks that the carrier never sent and that
	// were answered as if it had.
	AfterStop       int `json:"after_stop"`
	TwoParties      int `json:"two_parties"`
	Overlaps        int `json:"overlaps"`
	ForgeryBelieved int `json:"forgery_believed"`
	// Spared counts people who wrote STOP before they were tried, and never
	// were. Unheard counts those whose STOP found no daemon, and TriedUnheard
	// the requests to them that began after it: a daemon that was away asks the
	// carrier before it dials.
	Spared       int  `json:"spared"`
	Unheard      int  `json:"unheard"`
	TriedUnheard int  `json:"tried_unheard"`
	Kept         bool `json:"kept"`
}

func (a *app) sandboxVerdictCommand() *cobra.Command {
	var options sandbox.JudgeOptions
	var testNumbers string
	var pools []string
	command := &cobra.Command{
		Use: "verdict LOGFILE", Short: "what a sandbox's own log proves; needs no daemon", Args: wants("LOGFILE"),
		Long: `verdict reads the log that a sandbox keeps as the carrier, and judges from it
alone: was anybody tried twice by the same sender, was anybody tried after their
opt-out had been acknowledged, was anybody tried for two parties, or twice at the
same time, and was a callback believed that the carrier never sent? A sender
speaks for one party, or with --pool several senders do, and a log for one round; over several rounds the question of
the parties means nothing. Where a promise was broken the exit code is 5.

The broker's own phones, which the daemon's test_numbers names, get the texts of
every party, and a text as often as it is tested. With --test-numbers they count for
the other questions only.

The log of the sandbox inside a daemon is sandbox.log in its data directory. It
holds numbers in clear; the verdict holds none.`,
		RunE: func(_ *cobra.Command, args []string) error {
			own, err := ownNumbers(testNumbers)
			if err != nil {
				return err
			}
			options.Party = partyOf(pools)
			v, err := judge(args[0], own, options)
			if err != nil {
				return failed("judge the carrier's log", err)
			}
			if err := a.result(v, v.print); err != nil {
				return err
			}
			return v.broken()
		},
	}
	command.Flags().DurationVar(&options.Grace, "grace", 0, "how long after an acknowledged opt-out a request may still begin")
	command.Flags().DurationVar(&options.ListGrace, "list-grace", 0, "how long after an opt-out was first listed a request may still begin; 0 does not ask")
	command.Flags().DurationVar(&options.Slack, "slack", 0, "how long two requests to one person may overlap, real time")
	command.Flags().StringVar(&testNumbers, "test-numbers", "", "`file` of the broker's own phones")
	command.Flags().IntVar(&options.Steps, "steps", 1, "how often a sender may try a person")
	command.Flags().StringArrayVar(&pools, "pool", nil, "senders of one pool, with commas between them; once for each pool")
	return command
}

// ownNumbers reads which numbers are the broker's own phones, none where no file
// names them.
func ownNumbers(path string) (map[string]bool, error) {
	own := map[string]bool{}
	if path == "" {
		return own, nil
	}
	phones, err := configs.ReadTestNumbers(path)
	if err != nil {
		return nil, failed("read the test numbers", err)
	}
	for _, phone := range phones {
		own[phone.Number.E164()] = true
	}
	return own, nil
}

// partyOf tells the parties apart by their senders: those of a pool are one's.
func partyOf(pools []string) func(sandbox.Record) string {
	parties := map[string]string{}
	for _, pool := range pools {
		for sender := range strings.SplitSeq(pool, ",") {
			parties[sender] = pool
		}
	}
	return func(record sandbox.Record) string { return cmp.Or(parties[record.From], record.From) }
}

// judge reads the log once, for what the sandbox's own judge looks at and for
// what it does not. The broker's own phones are served by all parties, and each
// message to one is a matter of its own.
func judge(path string, own map[string]bool, options sandbox.JudgeOptions) (verdict, error) {
	w := witness{tried: map[string]bool{}, requests: map[string]int{}, stops: map[string]*stop{}}
	party := options.Party
	options.Party = func(record sandbox.Record) string {
		if own[record.To] {
			return ""
		}
		return party(record)
	}
	options.Campaign = func(record sandbox.Record) string {
		if own[record.To] {
			return record.Sid
		}
		return record.From
	}
	options.Visit = w.see
	judged, err := sandbox.JudgeLog(path, options)
	if err != nil {
		return verdict{}, err
	}
	found := judged.Findings()
	v := verdict{
		Verdict: judged, Parties: w.requests, Twice: found.Twice, AfterStop: found.AfterStop, TwoParties: found.TwoParties,
		Overlaps: found.Overlaps, ForgeryBelieved: found.ForgeryBelieved, Kept: judged.Err() == nil,
	}
	for number, s := range w.stops {
		if !w.tried[number] {
			v.Spared++
		}
		if !s.heard {
			v.Unheard++
			v.TriedUnheard += s.triedAfter
		}
	}
	return v, nil
}

// witness gathers from the log who was tried by whom, and who wrote STOP.
type witness struct {
	tried    map[string]bool  // by number
	requests map[string]int   // by sender
	stops    map[string]*stop // by number
}

// stop is one person's STOP.
type stop struct {
	sid        string
	heard      bool
	triedAfter int
}

func (w *witness) see(record *sandbox.Record) {
	switch record.Kind {
	case sandbox.KindRequestBegun:
		w.requests[record.From]++
		w.tried[record.To] = true
		if s := w.stops[record.To]; s != nil {
			s.triedAfter++
		}
	case sandbox.KindInbound:
		if record.OptOut && w.stops[record.From] == nil {
			w.stops[record.From] = &stop{sid: record.Sid}
		}
	case sandbox.KindInboundAnswered:
		if s := w.stops[record.From]; s != nil && record.HTTP/100 == 2 {
			s.heard = true
		}
	default:
	}
}

// broken is the error of a broken promise, which has an exit code of its own.
func (v verdict) broken() error {
	if v.Kept {
		return nil
	}
	var faults []error
	for _, fault := range []struct {
		n    int
		what string
	}{
		{v.Twice, "tried twice by one sender"},
		{v.AfterStop, "tried after their opt-out"},
		{v.TwoParties, "tried for two parties"},
	} {
		if fault.n > 0 {
			faults = append(faults, fmt.Errorf("%s %s", plural(fault.n, "person was", "people were"), fault.what))
		}
	}
	if v.Overlaps > 0 {
		faults = append(faults, fmt.Errorf("%s while another to the same person was under way", plural(v.Overlaps, "request began", "requests began")))
	}
	if v.ForgeryBelieved > 0 {
		faults = append(faults, fmt.Errorf("%s believed", plural(v.ForgeryBelieved, "forged callback was", "forged callbacks were")))
	}
	cause := errors.Join(faults...)
	return &failure{message: "a promise was broken: " + cause.Error(), code: exitViolated, cause: cause}
}

func (v verdict) print(w io.Writer) error {
	rows := []string{
		cell("requests begun", grouped(v.Requests), ""),
		cell("messages, calls made", grouped(v.Created), fmt.Sprintf("to %s, %s", plural(v.Recipients, "person", "people"), plural(v.Segments, "segment", "segments"))),
	}
	for _, sender := range slices.Sorted(maps.Keys(v.Parties)) {
		rows = append(rows, cell("  by "+sender, grouped(v.Parties[sender]), "requests"))
	}
	rows = append(rows,
		cell("people who objected", grouped(v.OptOuts), fmt.Sprintf("%s of them before they were tried, who never were", grouped(v.Spared))),
		cell("  by a digit", grouped(v.Digits), "digits pressed in calls"),
		cell("  to no daemon", grouped(v.Unheard), fmt.Sprintf("tried afterwards: %s", grouped(v.TriedUnheard))),
		cell("tried twice", grouped(v.Twice), mark(v.Twice)),
		cell("tried after STOP", grouped(v.AfterStop), mark(v.AfterStop)),
		cell("tried for two parties", grouped(v.TwoParties), mark(v.TwoParties)),
		cell("tried twice at once", grouped(v.Overlaps), v.markOverlaps()),
	)
	if forged := sum(counted(v.Forged)); forged > 0 {
		rows = append(rows, cell("forged callbacks believed", grouped(v.ForgeryBelieved), fmt.Sprintf("of %s: %s", grouped(forged), mark(v.ForgeryBelieved))))
	}
	return table(w, rows...)
}

// markOverlaps does not praise a log that cannot tell.
func (v verdict) markOverlaps() string {
	if v.Requests > 0 && v.RequestsEnded == 0 {
		return "not told by this log: it has no ends of requests"
	}
	return mark(v.Overlaps)
}

// counted makes counts of faults those of words.
func counted(faults map[sandbox.Fault]int) map[string]uint64 {
	counts := make(map[string]uint64, len(faults))
	for fault, count := range faults {
		counts[string(fault)] = uint64(count)
	}
	return counts
}

func mark(broken int) string {
	if broken == 0 {
		return "kept"
	}
	return "BROKEN"
}
