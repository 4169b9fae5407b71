package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/configs/sample"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

const (
	demoPartyA = "party-a-seniors"
	demoPartyB = "party-b-seniors"
	demoCalls  = "party-a-calls"
	// demoFast is the clock's speed while only the few are left for whom it is
	// night, and demoLeap how far it leaps once everything is closed.
	demoFast = 7200
	demoLeap = 49 * time.Hour
)

var demoCampaigns = []string{demoPartyA, demoPartyB, demoCalls}

// openStage starts carrier and daemon.
func (d *demo) openStage(ctx context.Context) error {
	if _, err := writeSample(d.path("sample"), sample.Options{}, false); err != nil {
		return err
	}
	if err := d.stage.openCarrier(ctx); err != nil {
		return err
	}
	if err := d.stage.writeConfig(ctx); err != nil {
		return err
	}
	if err := d.stage.openDaemon(ctx); err != nil {
		return err
	}
	d.tell("the SANDBOX carrier (process %d) and the daemon (process %d) run",
		d.stage.carrier.command.Process.Pid, d.stage.daemon.command.Process.Pid)
	return nil
}

// importLists imports the people, what they agreed to, and who objected.
func (d *demo) importLists(ctx context.Context) error {
	for _, list := range []struct {
		kind  queue.IntakeKind
		files []string
	}{
		{queue.IntakeContacts, []string{"contacts-1.csv", "contacts-2.csv.gz"}},
		{queue.IntakeGrants, []string{"grants.csv"}},
		{queue.IntakeOptOuts, []string{"optouts.csv"}},
	} {
		if err := d.importList(ctx, list.kind, list.files); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) importList(ctx context.Context, kind queue.IntakeKind, names []string) error {
	upload := queue.Upload{Open: queue.IntakeOpen{Kind: kind, Source: "the sample", Files: names, Operator: "op-anne"}}
	for _, name := range names {
		file, err := os.Open(d.path("sample", name))
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		upload.Files = append(upload.Files, file)
	}
	refused := &refusalFile{path: d.path(string(kind) + ".refused.csv")}
	upload.Refused = refused.add
	progress, err := d.stage.client.Upload(ctx, upload)
	if err != nil {
		_ = refused.close(false)
		return failed("import "+string(kind), err)
	}
	if err := refused.close(true); err != nil {
		return err
	}
	taken, refusals := splitCounts(progress.Counts)
	text := fmt.Sprintf("%s imported: %s", kind, inline(taken))
	if n := sum(refusals); n > 0 {
		text += fmt.Sprintf(", refused %s (%s)", grouped(n), inline(refusals))
	}
	d.tell("%s", text)
	return nil
}

// submitCampaigns lets both parties order 1,500 people of 65 and more, one after the
// other, and the first one calls to younger people too.
func (d *demo) submitCampaigns(ctx context.Context) error {
	for _, id := range demoCampaigns {
		job, err := configs.ReadCampaign(d.path("sample", "campaigns", id+".yaml"))
		if err != nil {
			return err
		}
		job.Operator = "op-anne"
		result, err := d.stage.client.Submit(ctx, job)
		if err != nil {
			return failed("submit campaign "+id, err)
		}
		if result.Rejection != nil {
			return fmt.Errorf("campaign %s was rejected: %v", id, result.Rejection.Faults)
		}
		what := "texts to %s people of 65 and more"
		if job.Call != nil {
			what = "calls to %s people below, in the hours that they have agreed to"
		}
		d.tell("%s orders "+what+": accepted, place %d", job.Party, grouped(job.Size), result.Campaign.Order)
	}
	return d.followUntil(ctx, func(latest map[string]*dialer.CampaignView) bool {
		for _, v := range latest {
			if !reached(v.State, "ready") {
				return false
			}
		}
		for _, id := range demoCampaigns {
			v := latest[id]
			d.tell("%s has an audience of %s%s", v.ID, grouped(v.Balance.Audience), claimedText(v))
		}
		return true
	}, silentDisplay{})
}

func claimedText(v *dialer.CampaignView) string {
	claimed := v.Balance.ExcludedAtPlanning["CLAIMED"]
	if claimed == 0 {
		return ""
	}
	return fmt.Sprintf(": %s people are bound to the other party for this round", grouped(claimed))
}

// followUntil shows the campaigns until enough says so.
func (d *demo) followUntil(ctx context.Context, enough func(map[string]*dialer.CampaignView) bool, display watchDisplay) error {
	defer display.close()
	latest := map[string]*dialer.CampaignView{}
	for view, err := range follow(ctx, d.stage.client, demoCampaigns) {
		if err != nil {
			return err
		}
		if view == nil {
			display.away()
			continue
		}
		latest[view.ID] = view
		if err := display.show(view); err != nil {
			return err
		}
		if len(latest) == len(demoCampaigns) && enough(latest) {
			return nil
		}
	}
	return ctx.Err()
}

func (d *demo) display() watchDisplay {
	if d.app.asJSON {
		return silentDisplay{} // standard output is for the result
	}
	return d.app.newWatchDisplay(demoCampaigns)
}

// dialUntilTheMiddle dials until a part of the first campaign is done, while
// people begin to write STOP.
func (d *demo) dialUntilTheMiddle(ctx context.Context) error {
	if err := d.writeStops(ctx, 0); err != nil {
		return err
	}
	return d.followUntil(ctx, func(latest map[string]*dialer.CampaignView) bool {
		b := &latest[demoPartyA].Balance
		return dialled(b) >= b.Audience*35/100
	}, d.display())
}

// killAndRestart kills the daemon, lets people write STOP to a dead one, and
// starts it again.
func (d *demo) killAndRestart(ctx context.Context) error {
	if err := d.stage.killDaemon(); err != nil {
		return err
	}
	d.tell("kill -9: the daemon is dead, with requests in flight")
	if err := d.writeStops(ctx, 1); err != nil {
		return err
	}
	d.tell("people write STOP to a dead daemon")
	if err := d.stage.openDaemon(ctx); err != nil {
		return err
	}
	d.tell("it runs again (process %d): the ledger was read, the carrier was asked what it holds for us", d.stage.daemon.command.Process.Pid)
	return d.writeStops(ctx, 2)
}

// dialOnward dials until those alone are left for whom it is night.
func (d *demo) dialOnward(ctx context.Context) error {
	return d.followUntil(ctx, func(latest map[string]*dialer.CampaignView) bool {
		for _, v := range latest {
			if v.ID == demoCalls {
				continue // most have agreed to the afternoon
			}
			b := &v.Balance
			left := b.Planned + b.Waiting
			if !reached(v.State, "closing") && (b.Intended > 0 || left > 0 && len(v.Parked) == 0 || left > b.Audience/10) {
				return false
			}
		}
		return true
	}, d.display())
}

// goOverseas speeds the clock up until the last ones have been dialled, and until
// nothing is open any more.
func (d *demo) goOverseas(ctx context.Context) error {
	d.tell("whoever is left lives overseas, where it is night, or has agreed to be called later: the clock runs %s times as fast", grouped(demoFast))
	if _, err := moveSandbox(ctx, d.stage.base, queue.SandboxClock{Speed: max(demoFast, d.speed)}); err != nil {
		return err
	}
	return d.followUntil(ctx, func(latest map[string]*dialer.CampaignView) bool {
		for _, v := range latest {
			if v.State != stateClosed {
				return false
			}
		}
		return true
	}, d.display())
}

// releaseReports leaps to the day of the reports and waits for them.
func (d *demo) releaseReports(ctx context.Context) error {
	d.tell("all campaigns are closed; the clock leaps to the release of the reports, a day later at 09:00 UTC")
	if _, err := moveSandbox(ctx, d.stage.base, queue.SandboxClock{Advance: dialer.Duration(demoLeap)}); err != nil {
		return err
	}
	for {
		var reports []queue.ReportInfo
		if err := d.stage.client.Call(ctx, queue.VerbReportList, nil, &reports); err != nil {
			return failed("wait for the reports", err)
		}
		released := 0
		for _, r := range reports {
			if !r.Released.IsZero() && len(r.Files) > 0 && exist(r.Files) {
				released++
			}
		}
		if released == len(demoCampaigns) {
			return nil
		}
		if !wait(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
	}
}

func exist(paths []string) bool {
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			return false
		}
	}
	return true
}
