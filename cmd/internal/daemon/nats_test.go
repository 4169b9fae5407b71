package daemon

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// Ensure that a daemon whose queue comes back as it was some time ago says so,
// is ready all the same, answers no job differently than before, takes new ones
// behind the old ones, tells again what the streams have lost, and dials nobody
// twice (I2, I6).
func TestDaemon_QueueRestored(t *testing.T) {
	t.Parallel()
	h := slowHouse(t)
	h.start()
	h.importPeople(invent(900), "FR-75", "party-a", "party-b")
	h.stop()
	older := filepath.Join(t.TempDir(), "nats")
	if err := os.CopyFS(older, os.DirFS(h.file("nats"))); err != nil {
		t.Fatal(err)
	}
	h.start()
	first, wrong := orderFor("party-a", 500), orderFor("party-b", 500)
	order := h.mustSubmit(first).Order
	wrong.ID, wrong.Size = "too-small", 5
	refused, err := h.client.Submit(t.Context(), wrong)
	if err != nil || refused.Rejection == nil {
		t.Fatalf("a job too small: %+v, %v", refused, err)
	}
	eventually(t, "dialling is under way", func() bool { return requests(t, h.carrierLog()) > 50 })
	h.stop()
	if err := os.RemoveAll(h.file("nats")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(h.file("nats"), os.DirFS(older)); err != nil {
		t.Fatal(err)
	}
	if begun := requests(t, h.carrierLog()); begun >= 500 {
		t.Fatalf("all %d requests had begun: the test shows nothing", begun)
	}

	h.start()
	eventually(t, "the loss is told, and the daemon ready", func() bool {
		status := h.status()
		return status.Ready && len(status.Notices) == 1 && strings.Contains(status.Notices[0], "submit again what has no answer")
	})
	eventually(t, "what was lost is told again", func() bool { return strings.Contains(h.log.all(), eventToldAgain) })
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for event, err := range h.client.Watch(ctx, first.ID) { // a watcher would wait for ever
		if err != nil || event.Campaign != first.ID {
			t.Errorf("watching: %+v, %v", event, err)
		}
		break
	}
	h.submit(first)
	second := orderFor("party-b", 500)
	if next := h.mustSubmit(second).Order; next <= order {
		t.Errorf("the restored queue gives out place %d, the first job had %d", next, order)
	}
	told, err := h.daemon.conn.Told(t.Context())
	if err != nil || !told.Rejections[refused.Submission] {
		t.Errorf("the rejection is not there again: %v, %v", told.Rejections, err)
	}
	views := h.close(h.advance, first.ID, second.ID)
	if verdict := judge(t, h.carrierLog(), nil); verdict.Created != 900 || views[0].Balance.Audience != 500 {
		t.Errorf("%d messages were created, want 900", verdict.Created)
	}
	h.stop()
	mustBeSound(t, h.config.DataDirectory)
}

// Ensure that an objection which another system put into the queue while no
// daemon ran is effective before the first message, and one that comes while
// dialling is under way from when its sender is told so (I1).
func TestDaemon_OptOutsOfSystems(t *testing.T) {
	t.Parallel()
	h := slowHouse(t)
	h.start()
	numbers := invent(600)
	h.importPeople(numbers, "FR-75", "party-a")
	public := h.status().SealKey
	job := orderFor("party-a", 600)
	job.Schedule.Start = h.status().Now.Add(2 * time.Hour)
	h.submit(job)
	h.stop()
	acknowledged := map[string]time.Time{}
	h.withQueueAlone(func(client *queue.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		var all sync.WaitGroup
		for _, number := range numbers[:40] {
			all.Go(func() {
				if _, err := client.SendOptOut(ctx, public, queue.OptOut{Number: number}); queue.CodeOf(err) != queue.CodeTimeout {
					t.Errorf("with no daemon: %v", err)
				}
			})
		}
		all.Wait()
		for _, number := range numbers[:40] {
			acknowledged[number] = time.Now()
		}
	})
	h.start()
	eventually(t, "dialling is under way", func() bool { return requests(t, h.carrierLog()) > 50 })
	for _, number := range h.notDialled(numbers[40:], 40) {
		answer, err := h.client.SendOptOut(t.Context(), public, queue.OptOut{Number: number, Way: "website"})
		if err != nil || answer.Effect != string(dialer.Effective) || !answer.Known {
			t.Errorf("while dialling: %+v, %v", answer, err)
		}
		acknowledged[number] = time.Now()
	}
	_, err := h.client.SendOptOut(t.Context(), public, queue.OptOut{Number: "call me"})
	if queue.CodeOf(err) != queue.CodeInvalid || strings.Contains(err.Error(), "call me") {
		t.Errorf("no number: %v", err)
	}
	h.close(h.advance, job.ID)
	judge(t, h.carrierLog(), acknowledged)
	everybody := dialled(t, h.carrierLog())
	for _, number := range numbers[:40] {
		if everybody[number] {
			t.Error("somebody was dialled whose objection was in the queue before the start")
			break
		}
	}
	for path, content := range contentsUnder(t, h.file("nats"), "") {
		if strings.Contains(string(content), numbers[0][1:]) {
			t.Errorf("a number stands in clear in %s", path)
		}
	}
}

// Ensure that the stop file halts dialling although NATS is dead, and that
// dialling goes on without NATS once it is gone.
func TestDaemon_StopFileWithoutNATS(t *testing.T) {
	t.Parallel()
	outside := newOutsideNATS(t)
	outside.start(t)
	h, _ := twilioHouse(t)
	h.token = outside.options.Token
	h.config.NATS = configs.NATS{URL: "nats://" + h.token + "@" + outside.options.Listen}
	h.config.Pacing.InFlight = 2
	h.start()
	h.importPeopleAt(time.Now().AddDate(0, -2, 0), invent(600), openTerritory(t), "party-a")
	h.submit(orderNow("party-a", 600))
	eventually(t, "dialling is under way", func() bool { return requests(t, h.carrierLog()) > 20 })
	outside.stop(t)
	if err := os.WriteFile(h.file(stopFileName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the daemon has seen the file", func() bool { return strings.Contains(h.log.all(), dialer.EventHalted) })
	halted := h.atRest()
	if halted >= 600 {
		t.Fatal("all were dialled before the halt: the test shows nothing")
	}
	steadily(t, time.Second, "no request begins", func() bool { return requests(t, h.carrierLog()) == halted })
	if err := os.Remove(h.file(stopFileName)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "everybody is dialled although NATS is dead", func() bool { return requests(t, h.carrierLog()) == 600 })
	judge(t, h.carrierLog(), nil)
}

// Ensure that a daemon does not serve the queue of another store: it does not
// start, and says why and what to do.
func TestDaemon_AnothersQueue(t *testing.T) {
	t.Parallel()
	outside := newOutsideNATS(t)
	outside.start(t)
	address := "nats://" + outside.options.Token + "@" + outside.options.Listen
	h := newHouse(t)
	h.token, h.config.NATS = outside.options.Token, configs.NATS{URL: address}
	h.start()
	other := newHouse(t)
	other.config.NATS = configs.NATS{URL: address}
	refused, err := New(other.config, io.Discard)
	if err == nil {
		_ = refused.Close()
	}
	if queue.CodeOf(err) != queue.CodeConflict || !strings.Contains(queue.HintOf(err), "a NATS of its own") {
		t.Errorf("the second daemon: %v", err)
	}
	h.importPeople(invent(600), "FR-75", "party-a")
	job := h.submit(orderFor("party-a", 500))
	if b := h.close(h.advance, job.ID)[0].Balance; b.Audience != 500 {
		t.Errorf("the first daemon: %+v", b)
	}
}
