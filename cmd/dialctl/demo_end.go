package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
	"github.com/hustings/hustings/queue"
)

// demoResult is what the demo ends with.
type demoResult struct {
	Directory string                 `json:"directory"`
	Campaigns []*dialer.CampaignView `json:"campaigns"`
	Balances  bool                   `json:"balances"`
	Store     *soundness             `json:"store"`
	Verdict   verdict                `json:"verdict"`
	Reports   []queue.ReportInfo     `json:"reports"`
	PublicKey string                 `json:"public_key"`
	Seconds   float64                `json:"seconds"`
}

// demoPool are the senders of the first party: one for texts, one for calls.
const demoPool = "TILLEULS,+33162000001"

// conclude reads the books, ends the children, and lets the carrier's log judge.
func (d *demo) conclude() error {
	result := demoResult{Directory: d.directory, Balances: true}
	ctx, cancel := context.WithTimeout(context.Background(), demoPatience)
	defer cancel()
	for _, id := range demoCampaigns {
		view, err := showCampaign(ctx, d.stage.client, id)
		if err != nil {
			return failed("demo", err)
		}
		result.Campaigns = append(result.Campaigns, view)
		result.Balances = result.Balances && balances(view)
	}
	if err := d.stage.client.Call(ctx, queue.VerbReportList, nil, &result.Reports); err != nil {
		return failed("demo", err)
	}
	if keys, _ := filepath.Glob(d.path("data", "reports", "*.pem")); len(keys) > 0 {
		result.PublicKey = keys[0]
	}
	d.stage.close()
	d.tell("the daemon and the carrier have stopped; the store is checked, and the carrier's log is judged")
	var err error
	if result.Store, err = (&storeCheck{data: d.path("data")}).run(ctx); err != nil {
		return failed("demo: check the store", err)
	}
	if result.Verdict, err = judge(d.path("carrier", "sandbox.log"), nil, sandbox.JudgeOptions{Party: partyOf([]string{demoPool})}); err != nil {
		return failed("demo: judge the carrier's log", err)
	}
	result.Seconds = time.Since(d.began).Seconds()
	if err := d.app.result(result, result.print); err != nil {
		return err
	}
	switch {
	case !result.Balances:
		return &failure{message: "the books do not balance", code: exitViolated}
	case !result.Store.Sound:
		return &failure{message: plural(len(result.Store.Findings), "fault", "faults") + " in the store", code: exitViolated}
	case uint64(result.Verdict.Created) > result.attempts():
		return &failure{message: "the carrier made messages that the books do not know", code: exitViolated}
	case result.Verdict.Digits == 0:
		return &failure{message: "nobody has pressed a digit in a call", code: exitViolated}
	case result.Verdict.TriedUnheard > 0:
		return &failure{message: "people were tried who had written STOP to the dead daemon", code: exitViolated}
	}
	return result.Verdict.broken()
}

// attempts counts those of all campaigns, by the books.
func (r demoResult) attempts() uint64 {
	var total uint64
	for _, v := range r.Campaigns {
		total += v.Balance.Attempts
	}
	return total
}

func (r demoResult) print(w io.Writer) error {
	p := printer{w: w}
	p.line("")
	p.line("the balance sheets: exact, for the broker alone")
	p.line("")
	p.err = firstError(p.err, printSheets(w, r.Campaigns))
	for _, v := range r.Campaigns {
		p.line("")
		p.line("%s", v.ID)
		for _, line := range equations(v) {
			p.line("  %s", line[:len(line)-1])
		}
	}
	p.line("")
	p.err = firstError(p.err, r.Store.print(w))
	p.line("")
	p.line("the verdict: from the carrier's own log alone")
	p.line("")
	p.err = firstError(p.err, r.Verdict.print(w))
	p.line("")
	p.line("the carrier made %s; the books have %s",
		plural(r.Verdict.Created, "message or call", "messages and calls"), plural(r.attempts(), "attempt", "attempts"))
	p.line("")
	p.line("the reports: what each party sees, drawn once and signed")
	p.line("")
	for _, report := range r.Reports {
		for _, file := range report.Files {
			p.line("%s", file)
		}
	}
	p.line("")
	p.line("what to try next")
	p.line("")
	for _, command := range r.next() {
		p.line("%s", command)
	}
	p.line("")
	return p.err
}

// next are commands that work after the demo.
func (r demoResult) next() []string {
	first := slices.IndexFunc(r.Reports, func(one queue.ReportInfo) bool { return one.Campaign == demoPartyA })
	files := r.Reports[max(0, first)].Files
	html := files[slices.IndexFunc(files, func(f string) bool { return filepath.Ext(f) == ".html" })]
	sample := filepath.Join(r.Directory, "sample")
	return []string{
		"  open the first party's report in a browser: " + html,
		fmt.Sprintf("  dialctl report verify %s --key %s", html, r.PublicKey),
		fmt.Sprintf("  dialctl sandbox verdict %s --pool %s", filepath.Join(r.Directory, "carrier", "sandbox.log"), demoPool),
		"",
		"a first campaign of your own, in a SANDBOX that stays:",
		"",
		"  dialerd        (in another terminal, in this folder)",
		fmt.Sprintf("  dialctl contacts import %s/contacts-* --source sample", sample),
		fmt.Sprintf("  dialctl consent import %s --source sample", filepath.Join(sample, "grants.csv")),
		fmt.Sprintf("  dialctl campaign submit %s --watch", filepath.Join(sample, "campaigns", demoPartyA+".yaml")),
	}
}

// printer prints lines and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, values ...any) {
	_, err := fmt.Fprintf(p.w, format+"\n", values...)
	p.err = firstError(p.err, err)
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
