package daemon

import (
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	post "github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// What a daemon is told that is to die over a report.
const (
	mortalRole   = "mortal"
	settingStep  = "HUSTINGS_DIE_AT_RELEASE"
	settingSteps = "HUSTINGS_RIG_POINTS" // "all": at every step, as the long rigs do
)

// mortalDaemon is dialerd, but for one step of a report's release, after which it
// kills itself.
func mortalDaemon(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	step := os.Getenv(settingStep)
	return MainWith(ctx, Seams{Release: func(done string) {
		if done == step {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // one's own process can always be killed
			select {}
		}
	}}, args, stdout, stderr)
}

// releaseSteps are all steps of a release, in an order in which one daemon after the
// other can die after each: what comes after a death is done by the next life.
func releaseSteps() (steps []string) {
	steps = append(steps, "drawn", "stored")
	for _, format := range slices.Sorted(slices.Values(reportFormats)) {
		steps = append(steps, "file report."+format, "file report."+format+".sig")
	}
	steps = append(steps, "whole", "renamed")
	for _, format := range reportFormats {
		steps = append(steps, "published "+format)
	}
	return steps
}

// canary is a reply of which nothing may come to a party.
const canary = `Canary <script>alert("canary")</script> =1+1`

// someSteps are those of which every change makes sure: one of each kind.
var someSteps = []string{"drawn", "stored", "file report.html", "whole", "renamed", "published json"}

// Ensure that a daemon which dies after any step of a release draws one report:
// what was seen anywhere, be it on disk or served, is what is served for ever (I11).
func TestDaemon_DiesOverReport(t *testing.T) {
	t.Parallel()
	steps := someSteps
	if os.Getenv(settingSteps) == "all" {
		steps = releaseSteps()
	} else {
		t.Logf("SKIPPED: %d of the %d steps: %s=all takes them all", len(releaseSteps())-len(steps), len(releaseSteps()), settingSteps)
	}
	o := newOutpost(t, 16, "--latency", "1ms", "--silent-fraction", "0")
	o.start()
	people := invent(20)
	o.importPeople(people, "FR-75", "party-a")
	campaign := o.submit(orderFor("party-a", 500)).ID
	o.close(o.advance, campaign)
	o.reply(people[3], "TILLEULS", canary)
	o.stop(syscall.SIGTERM)
	o.advance(50 * time.Hour)

	bodies := map[string]map[string]bool{} // by file
	for _, step := range steps {
		err := o.post.Launch(post.Launch{Role: mortalRole, Environment: []string{settingStep + "=" + step}})
		select {
		case <-o.post.Player().Over():
		case <-time.After(limit):
			t.Fatalf("%s: the step was never passed: %v\n%s", step, err, o.post.Tell())
		}
		if code := o.stop(syscall.SIGKILL); code != -1 {
			t.Fatalf("%s: the daemon ended by itself with code %d\n%s", step, code, o.post.Tell())
		}
		o.look(campaign, bodies)
		if step == "drawn" && len(bodies) != 0 {
			t.Error("what was drawn is on disk before the ledger has it")
		}
	}
	o.start()
	eventually(t, "the report is released", func() bool {
		served := new([]byte)
		return o.client.Call(t.Context(), queue.VerbReportGet, queue.ReportRequest{Campaign: campaign, Format: "json"}, served) == nil
	})
	o.look(campaign, bodies)
	o.averaged(campaign, bodies)
	o.stop(syscall.SIGTERM)
	mustBeSound(t, o.path("data"))
	for name, seen := range bodies {
		if len(seen) != 1 {
			t.Errorf("%d bodies of %s were seen", len(seen), name)
		}
		for body := range seen {
			if strings.Contains(strings.ToLower(body), "canary") {
				t.Errorf("%s holds what somebody has answered", name)
			}
		}
	}
	t.Logf("figures: %d deaths over one release, %d files, 1 body each", len(steps), len(bodies))
}

// look notes the whole files of a report that are on disk, unfinished or not. Those
// of an unfinished one whose signature is not there may be cut short.
func (o *outpost) look(campaign string, bodies map[string]map[string]bool) {
	o.t.Helper()
	for _, folder := range []string{campaign, campaign + unfinished} {
		for _, format := range reportFormats {
			name := "report." + format
			document, err := os.ReadFile(filepath.Join(o.path("data"), "reports", folder, name))
			signature, failed := os.ReadFile(filepath.Join(o.path("data"), "reports", folder, name+".sig"))
			if err != nil || failed != nil {
				continue
			}
			note(bodies, name, document)
			note(bodies, name+".sig", signature)
		}
	}
}

func note(bodies map[string]map[string]bool, name string, body []byte) {
	if bodies[name] == nil {
		bodies[name] = map[string]bool{}
	}
	bodies[name][string(body)] = true
}

// averaged attacks the report by asking for it a thousand times, in all formats: an
// average over answers that are all the same says no more than one of them.
func (o *operator) averaged(campaign string, bodies map[string]map[string]bool) {
	o.t.Helper()
	const fetches = 1000
	names := slices.Sorted(maps.Keys(bodies))
	for i := range fetches {
		var served []byte
		format := strings.TrimPrefix(names[i%len(names)], "report.")
		if err := o.client.Call(o.t.Context(), queue.VerbReportGet, queue.ReportRequest{Campaign: campaign, Format: format}, &served); err != nil {
			o.t.Fatal(err)
		}
		note(bodies, names[i%len(names)], served)
	}
	o.t.Logf("figures: %d fetches of %s", fetches, strings.Join(names, ", "))
}

// Ensure that files which are not as they were signed are never served by a ledger
// that has forgotten the report, and that it is not drawn again in their place; put
// back, they are the report. A file that is missing beside a ledger that knows the
// report is written again.
func TestDaemon_DamagedReport(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	h.importPeople(invent(20), "FR-75", "party-a")
	campaign := h.submit(orderFor("party-a", 500)).ID
	view := h.close(h.advance, campaign)
	h.stop()
	forgotten, err := os.ReadFile(h.file("ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	h.start()
	h.untilReported(view)
	bodies := map[string]map[string]bool{}
	for _, format := range reportFormats {
		note(bodies, "report."+format, h.served(campaign+" "+format))
		note(bodies, "report."+format+".sig", h.served(campaign+" "+format+".sig"))
	}
	released := h.served(campaign + " csv")
	h.stop()
	path := h.file("reports/" + campaign + "/report.csv")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	h.start()
	eventually(t, "the missing file is there again", func() bool {
		content, err := os.ReadFile(path)
		return err == nil && string(content) == string(released)
	})
	h.stop()

	changed := append(slices.Clone(released), ' ')
	for _, err := range []error{os.WriteFile(path, changed, 0o600), os.WriteFile(h.file("ledger.db"), forgotten, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	h.start()
	h.reconciled()
	eventually(t, "the damage is told", func() bool { return strings.Contains(h.log.all(), eventReportDamaged) })
	steadily(t, 1500*time.Millisecond, "nothing is served", func() bool {
		var served []byte
		return h.client.Call(t.Context(), queue.VerbReportGet, queue.ReportRequest{Campaign: campaign, Format: "csv"}, &served) != nil
	})
	h.stop()
	if err := os.WriteFile(path, released, 0o600); err != nil {
		t.Fatal(err)
	}
	h.start()
	var again []byte
	eventually(t, "the report that was put back is served", func() bool {
		return h.client.Call(t.Context(), queue.VerbReportGet, queue.ReportRequest{Campaign: campaign, Format: "csv"}, &again) == nil
	})
	h.averaged(campaign, bodies) // over what was served before the restore, too
	for name, seen := range bodies {
		if len(seen) != 1 {
			t.Errorf("%d bodies of %s were served", len(seen), name)
		}
	}
}

// reconciled has a ledger that was put back brought up to date.
func (h *house) reconciled() {
	h.t.Helper()
	eventually(h.t, "the ledger is recognised", func() bool {
		return slices.ContainsFunc(h.status().Waiting, func(text string) bool { return strings.Contains(text, "dialctl store reconcile") })
	})
	done := new(dialer.Reconciled)
	if err := h.client.Task(h.t.Context(), queue.VerbStoreReconcile, queue.ReconcileRequest{Operator: "op-anne"}, nil, done); err != nil {
		h.t.Fatalf("reconcile: %v\n%s", err, h.tell())
	}
}
