package daemon

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// yesterday is a broker whose store will be put back: two parties, contacts for
// both, the first campaign under way.
type yesterday struct {
	*outpost
	numbers       []string
	first, second *dialer.Job
	// stopped have told the broker STOP after the copy was made.
	stopped []string
}

func newYesterday(t *testing.T) *yesterday {
	t.Helper()
	y := &yesterday{
		outpost: newOutpost(t, 16, "--latency", "15ms", "--silent-fraction", "0", "--stop-fraction", "0.08"),
		numbers: invent(1300), first: orderFor("party-a", 600), second: orderFor("party-b", 600),
	}
	y.start()
	y.importPeople(y.numbers, "FR-75", "party-a", "party-b")
	y.submit(y.first)
	y.until(120)
	return y
}

// until waits until so many requests have begun.
func (y *yesterday) until(begun int) {
	y.t.Helper()
	eventually(y.t, "the moment has come", func() bool { return requests(y.t, y.carrierLog()) >= begun })
}

// today goes on past the copy: more of the first campaign, a STOP, some of a
// second campaign of which the copy knows nothing; and then everything is dead.
func (y *yesterday) today() {
	y.t.Helper()
	y.until(300)
	y.submit(y.second)
	number := y.undialled()
	y.stopped = append(y.stopped, number)
	y.reply(number, "TILLEULS", "STOP")
	y.until(700)
	y.stop(syscall.SIGKILL)
}

// undialled is somebody for whom no request has begun, and who was not asked for
// before.
func (y *yesterday) undialled() string {
	y.t.Helper()
	known := dialled(y.t, y.carrierLog())
	for _, number := range slices.Backward(y.numbers) {
		if !known[number] && !slices.Contains(y.stopped, number) {
			return number
		}
	}
	y.t.Fatal("everybody was dialled")
	return ""
}

// mustBeHalted fails the test unless the daemon says that its ledger was put back,
// and dials nobody.
func (y *yesterday) mustBeHalted() {
	y.t.Helper()
	eventually(y.t, "the ledger is recognised", func() bool {
		return slices.ContainsFunc(y.status().Waiting, func(text string) bool { return strings.Contains(text, "dialctl store reconcile") })
	})
	begun := requests(y.t, y.carrierLog())
	steadily(y.t, 500*time.Millisecond, "nobody is dialled", func() bool { return requests(y.t, y.carrierLog()) == begun })
}

func (y *yesterday) reconcile(request queue.ReconcileRequest) *dialer.Reconciled {
	y.t.Helper()
	request.Operator = "op-anne"
	done := new(dialer.Reconciled)
	if err := y.client.Task(y.t.Context(), queue.VerbStoreReconcile, request, nil, done); err != nil {
		y.t.Fatalf("reconcile: %v\n%s", err, y.tell())
	}
	return done
}

// tomorrow submits the forgotten campaign again and comes to the end. The carrier's
// log is the judge: nobody twice for one text, nobody after STOP, nobody for both
// parties, and no campaign larger than ordered, whatever was put back.
func (y *yesterday) tomorrow() []*dialer.CampaignView {
	y.t.Helper()
	y.submit(y.second)
	views := y.close(y.advance, y.first.ID, y.second.ID)
	y.stop(syscall.SIGTERM)
	mustBeSound(y.t, y.path("data"))
	judge(y.t, y.carrierLog(), nil)
	everybody := dialled(y.t, y.carrierLog())
	for _, number := range y.stopped {
		if everybody[number] {
			y.t.Error("somebody was dialled whose STOP came after the copy (I13)")
		}
	}
	bySender := map[string]int{}
	for _, record := range readCarrier(y.t, y.carrierLog()) {
		if record.Kind == sandbox.KindCreated {
			bySender[record.From]++
		}
	}
	y.t.Logf("created by sender: %v", bySender)
	for _, job := range []*dialer.Job{y.first, y.second} {
		if n := bySender[job.Sender]; n > job.Size {
			y.t.Errorf("%s: %d messages were created, but %d contacts ordered", job.ID, n, job.Size)
		}
	}
	return views
}

// backUp has the daemon make a backup.
func (y *yesterday) backUp() string {
	y.t.Helper()
	folder := y.path("backup")
	var made queue.BackupMade
	if err := y.client.Task(y.t.Context(), queue.VerbStoreBackup, queue.BackupRequest{Folder: folder, Operator: "op-anne"}, nil, &made); err != nil {
		y.t.Fatalf("backup: %v\n%s", err, y.tell())
	}
	if made.Folder != folder || made.Bytes == 0 {
		y.t.Errorf("the backup: %+v", made)
	}
	return folder
}

// Ensure that yesterday's backup, put back under a carrier that remembers today,
// dials nobody before a reconcile, across restarts; and that afterwards nobody
// gets anything twice, not even from a campaign that the backup never saw.
func TestDaemon_Restored_Backup(t *testing.T) {
	t.Parallel()
	y := newYesterday(t)
	folder := y.backUp()
	y.today()

	paths := store.PathsIn(y.path("data"))
	keys, err := store.LoadOrCreateKeys(paths.Keys, true)
	if err != nil {
		t.Fatal(err)
	}
	restored, err := store.Restore(t.Context(), store.RestoreOptions{Folder: folder, Paths: paths, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	if len(restored.Aside) != 2 {
		t.Errorf("kept aside: %v", restored.Aside)
	}
	for range 2 {
		y.start()
		y.mustBeHalted()
		if state := y.show(y.first.ID).State; state != "running" {
			t.Errorf("the campaign is %s: its steward must rest", state)
		}
		rehearsed := y.reconcile(queue.ReconcileRequest{DryRun: true})
		if !rehearsed.DryRun || rehearsed.Released || rehearsed.Marked == 0 || rehearsed.Foreign == 0 {
			t.Errorf("a dry run: %+v", rehearsed)
		}
		y.stop(syscall.SIGKILL)
	}
	y.start()
	y.mustBeHalted()
	y.refuseReconciles()
	rehearsed := y.reconcile(queue.ReconcileRequest{DryRun: true})
	done := y.reconcile(queue.ReconcileRequest{})
	t.Logf("reconciled: %+v", done)
	if !done.Released || done.Messages != done.Known+done.Marked+done.Foreign || len(done.Unknown) != 1 || done.Unknown[0].Sender != "CANAL" {
		t.Errorf("reconciled: %+v", done)
	}
	if done.Marked != rehearsed.Marked || done.Foreign != rehearsed.Foreign {
		t.Errorf("marked %d, foreign %d; the dry run said %d and %d", done.Marked, done.Foreign, rehearsed.Marked, rehearsed.Foreign)
	}
	views := y.tomorrow()
	if already := views[1].Balance.ExcludedAtPlanning["ALREADY_CONTACTED"]; already != done.Foreign {
		t.Errorf("%d were excluded as already contacted, want %d", already, done.Foreign)
	}
}

// refuseReconciles fails the test where a reconcile is taken that cannot be right.
func (y *yesterday) refuseReconciles() {
	y.t.Helper()
	for _, wrong := range []struct {
		request queue.ReconcileRequest
		code    queue.Code
	}{
		{queue.ReconcileRequest{}, queue.CodeInvalid},
		{queue.ReconcileRequest{Operator: "nobody"}, queue.CodeInvalid},
		{queue.ReconcileRequest{Operator: "op-anne", Since: y.status().Now}, queue.CodeRefused},
		{queue.ReconcileRequest{Operator: "op-anne", Since: y.status().Now.AddDate(0, 0, -8)}, queue.CodeRefused},
	} {
		err := y.client.Task(y.t.Context(), queue.VerbStoreReconcile, wrong.request, nil, new(dialer.Reconciled))
		if queue.CodeOf(err) != wrong.code || queue.HintOf(err) == "" {
			y.t.Errorf("reconcile %+v: %v", wrong.request, err)
		}
	}
}

// Ensure that a ledger which somebody simply copied back is recognised by the mark
// beside it; that a report released meanwhile keeps its bytes, and ends its
// campaign; and that a reconcile killed in its middle goes on.
func TestDaemon_Restored_Copied(t *testing.T) {
	t.Parallel()
	y := newYesterday(t)
	y.stop(syscall.SIGTERM)
	ledger, err := os.ReadFile(y.path("data/ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	y.start()
	y.close(y.advance, y.first.ID)
	y.advance(49 * time.Hour)
	report := y.path("data/reports/" + y.first.ID + "/report.json")
	eventually(t, "the report is released", func() bool { _, err := os.Stat(report); return err == nil })
	released, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	y.submit(y.second)
	y.until(requests(t, y.carrierLog()) + 200)
	y.stop(syscall.SIGKILL)

	var copied uint64
	for try, killed := 1, false; !killed; try++ {
		if try > 5 {
			t.Fatal("the reconcile was faster than the kill, five times: the test shows nothing")
		}
		if err := os.WriteFile(y.path("data/ledger.db"), ledger, 0o600); err != nil {
			t.Fatal(err)
		}
		y.start()
		y.mustBeHalted()
		copied = y.show(y.first.ID).Balance.Attempts
		killed = y.killInReconcile()
	}
	y.start()
	y.mustBeHalted()
	if kept := y.show(y.first.ID).Balance.Attempts; kept <= copied {
		t.Errorf("%d attempts after a reconcile that was killed, %d before it", kept, copied)
	}
	done := y.reconcile(queue.ReconcileRequest{})
	t.Logf("reconciled: %+v", done)
	if !done.Released || len(done.Campaigns) != 1 || done.Campaigns[0].Change != "closing" {
		t.Errorf("reconciled: %+v", done)
	}
	y.mustServe(released)
	views := y.tomorrow()
	if views[0].Ending != "cancelled" {
		t.Errorf("the campaign whose report was out ended as %s", views[0].Ending)
	}
	kept, err := os.ReadFile(report)
	if err != nil || !bytes.Equal(kept, released) {
		t.Errorf("the report has changed: %v", err)
	}
}

// killInReconcile kills the daemon once it has marked some messages: more than the
// copy knows of, whose contacts can be the first in the order of marking. It returns
// false where the reconcile was, or may have been, faster.
func (y *yesterday) killInReconcile() bool {
	y.t.Helper()
	var p queue.TaskProgress
	if err := y.client.Call(y.t.Context(), queue.VerbStoreReconcile, queue.ReconcileRequest{Operator: "op-anne"}, &p); err != nil {
		y.t.Fatal(err)
	}
	for (p.Phase != "marking" || p.Done < p.Total/3) && !p.Over {
		if err := y.client.Call(y.t.Context(), queue.VerbTaskStatus, queue.TaskRequest{Task: p.Task}, &p); err != nil {
			y.t.Fatal(err)
		}
	}
	y.stop(syscall.SIGKILL)
	return !p.Over && p.Done <= p.Total*3/4
}

// mustServe fails the test unless the report is served with these bytes.
func (y *yesterday) mustServe(released []byte) {
	y.t.Helper()
	var served []byte
	err := y.client.Call(y.t.Context(), queue.VerbReportGet, queue.ReportRequest{Campaign: y.first.ID, Format: "json"}, &served)
	if err != nil || !bytes.Equal(served, released) {
		y.t.Errorf("the report is served as %.80q (%v), it was released as %.80q (I11)", served, err, released)
	}
}

// Ensure that a whole machine that was put back, its journal and its mark with it,
// is recognised by what the carrier remembers, and that the STOPs it has forgotten
// take effect again.
func TestDaemon_Restored_Machine(t *testing.T) {
	t.Parallel()
	y := newYesterday(t)
	y.stop(syscall.SIGTERM)
	if err := storetest.CopyFolder(y.path("data"), y.path("snapshot")); err != nil {
		t.Fatal(err)
	}
	y.start()
	y.today()

	if err := os.RemoveAll(y.path("data")); err != nil {
		t.Fatal(err)
	}
	if err := storetest.CopyFolder(y.path("snapshot"), y.path("data")); err != nil {
		t.Fatal(err)
	}
	y.start()
	y.mustBeHalted()
	done := y.reconcile(queue.ReconcileRequest{})
	t.Logf("reconciled: %+v", done)
	if !done.Released || done.Marked == 0 || done.OptOuts == 0 || !strings.Contains(done.Why, "carrier") {
		t.Errorf("reconciled: %+v", done)
	}
	y.tomorrow()
}

// Ensure that a backup is never half there: not where one is already, not where
// it is ended in its middle.
func TestDaemon_Backup_Refused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	taken := t.TempDir()
	for _, wrong := range []struct {
		folder string
		code   queue.Code
	}{
		{"relative", queue.CodeInvalid},
		{taken, queue.CodeConflict},
		{filepath.Join(taken, "nowhere", "backup"), queue.CodeInvalid},
	} {
		err := h.client.Task(t.Context(), queue.VerbStoreBackup, queue.BackupRequest{Folder: wrong.folder}, nil, new(queue.BackupMade))
		if queue.CodeOf(err) != wrong.code || queue.HintOf(err) == "" {
			t.Errorf("%s: %v", wrong.folder, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	folder := filepath.Join(taken, "aborted")
	if _, err := store.Backup(ctx, store.BackupOptions{Folder: folder, Ledger: h.daemon.ledger, Directory: h.daemon.paths.Directory}); err == nil {
		t.Error("a backup was made after its end")
	}
	if left, err := os.ReadDir(taken); err != nil || len(left) != 0 {
		t.Errorf("an ended backup has left %v (%v)", left, err)
	}
}
