package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// tap connects a program of any other make to the house's NATS server.
func (h *house) tap(subjects ...string) *wire {
	h.t.Helper()
	token, err := queue.ReadToken(h.config.DataDirectory)
	if err != nil {
		h.t.Fatal(err)
	}
	return dialWire(h.t, h.daemon.conn.URL(), token, subjects...)
}

// put publishes a job's bytes on a subject as any program can, without a
// message's name, and returns the place in the queue that it got. The queue
// takes one job a campaign at a time, so it may have to be put again.
func (w *wire) put(t *testing.T, subject string, body []byte) uint64 {
	t.Helper()
	var taken struct {
		Sequence uint64 `json:"seq"`
	}
	eventually(t, "the queue takes a job on "+subject, func() bool {
		reply := fmt.Sprintf("answers.%d", time.Now().UnixNano())
		w.publish(subject, reply, body)
		w.await(t, reply, &taken)
		return taken.Sequence != 0
	})
	return taken.Sequence
}

// rejectionOf waits for the reasons why a job was rejected.
func (w *wire) rejectionOf(t *testing.T, sequence uint64) dialer.Rejection {
	t.Helper()
	var rejection dialer.Rejection
	w.await(t, fmt.Sprintf("dialer.v1.rejected.sequence-%d", sequence), &rejection)
	return rejection
}

// Ensure that a job that any program puts straight on its subject comes back,
// where it is wrong, with all that is wrong: the field, its place and why.
func TestDaemon_WrongJobs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	w := h.tap("dialer.v1.rejected.*", "answers.*")
	good, err := json.MarshalIndent(orderFor("party-a", 500), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	swap := func(old, new string) string {
		if !strings.Contains(string(good), old) {
			t.Fatalf("the job has no %s", old)
		}
		return strings.Replace(string(good), old, new, 1)
	}
	const subject = "dialer.v1.submit.party-a.party-a-everybody"
	for _, tt := range []struct {
		name, subject, body    string
		field, placed, because string
	}{
		{"NotJSON", subject, "campaign: yes", "", "1:1", "not JSON"},
		{"CutShort", subject, string(good[:200]), "", "", "ends too early"},
		{"WrongType", subject, swap(`"size": 500`, `"size": "many"`), "size", "", "string"},
		{"UnknownField", subject, swap(`"size"`, `"tries": 7, "size"`), "tries", "", "unknown field"},
		{"TooSmall", subject, swap(`"size": 500`, `"size": 499`), "size", "-", "499"},
		{"UnknownParty", "dialer.v1.submit.party-x.party-a-everybody", swap(`"party": "party-a"`, `"party": "party-x"`), "party", "-", "not a registered party"},
		{"SomebodyElsesSender", subject, swap(`"TILLEULS"`, `"CANAL"`), "sender", "-", "CANAL"},
		{"NoWayOut", subject, swap(`"opt_out_means": "STOP au 36111"`, `"opt_out_means": "STOP au 99999"`), "message.elements.opt_out_means", "-", "does not contain"},
		{"PartyOfTheSubject", "dialer.v1.submit.party-b.party-a-everybody", string(good), "party", "-", "party-b"},
		{"CampaignOfTheSubject", "dialer.v1.submit.party-a.another", string(good), "id", "-", "another"},
		{"Subject", "dialer.v1.submit.party-a.Shouted", string(good), "subject", "-", "Shouted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rejection := w.rejectionOf(t, w.put(t, tt.subject, []byte(tt.body)))
			if len(rejection.Faults) == 0 {
				t.Fatal("no fault is named")
			}
			fault := rejection.Faults[0]
			if fault.Field != tt.field || !strings.Contains(fault.Reason, tt.because) || (tt.placed != "-") != (fault.Place != "") ||
				tt.placed > "-" && fault.Place != tt.placed {
				t.Errorf("fault: field %q at %q: %q", fault.Field, fault.Place, fault.Reason)
			}
		})
	}
	var list []dialer.CampaignView
	if err := h.client.Call(t.Context(), queue.VerbCampaignList, nil, &list); err != nil || len(list) != 0 {
		t.Errorf("%d campaigns came of wrong jobs: %v", len(list), err)
	}
}

// Ensure that the same job again changes nothing, and that another job of the
// same name is rejected, whether or not a message's name tells them apart.
func TestDaemon_JobAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	w := h.tap("dialer.v1.rejected.*", "answers.*")
	h.importPeople(invent(600), "FR-75", "party-a")
	job := h.submit(orderFor("party-a", 500))
	accepted := h.show(job.ID)
	h.submit(job)
	subject := "dialer.v1.submit.party-a." + job.ID
	body, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	w.put(t, subject, body)
	job.Size = 600
	if body, err = json.Marshal(job); err != nil {
		t.Fatal(err)
	}
	// Jobs are answered in their order: once this one is, the one before is, too.
	other := w.put(t, subject, body)
	if rejection := w.rejectionOf(t, other); rejection.Faults[0].Field != "id" {
		t.Errorf("another job of the same name: %v", rejection.Faults)
	}
	view := h.close(h.advance, job.ID)[0]
	if view.Balance.Size != 500 || view.Order != accepted.Order || !view.Accepted.Equal(accepted.Accepted) {
		t.Errorf("the campaign has changed: size %d, order %d", view.Balance.Size, view.Order)
	}
	var list []dialer.CampaignView
	if err := h.client.Call(t.Context(), queue.VerbCampaignList, nil, &list); err != nil || len(list) != 1 {
		t.Errorf("%d campaigns, want 1: %v", len(list), err)
	}
	if verdict := judge(t, h.carrierLog(), nil); verdict.Created != 500 {
		t.Errorf("%d messages were created", verdict.Created)
	}
}

// Ensure that a job that came into the queue while nobody took jobs is taken at
// the next start.
func TestDaemon_JobWhileDown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	h.importPeople(invent(600), "FR-75", "party-a", "party-b")
	h.stop()

	h.withQueueAlone(func(client *queue.Client) {
		for _, party := range []string{"party-b", "party-a"} {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			_, err := client.Submit(ctx, orderFor(party, 500))
			cancel()
			if queue.CodeOf(err) != queue.CodeTimeout {
				t.Fatalf("submit with nobody there: %v", err)
			}
		}
	})
	h.start()
	eventually(t, "both jobs are campaigns", func() bool {
		var list []dialer.CampaignView
		return h.client.Call(t.Context(), queue.VerbCampaignList, nil, &list) == nil && len(list) == 2
	})
	views := h.close(h.advance, "party-b-everybody", "party-a-everybody")
	// First come, first served: the second gets what the first has left.
	if first, second := views[0].Balance.Audience, views[1].Balance.Audience; first != 500 || second != 100 {
		t.Errorf("the first to come got %d contacts, the second %d", first, second)
	}
	judge(t, h.carrierLog(), nil)
}

// withQueueAlone runs the house's queue without its daemon.
func (h *house) withQueueAlone(use func(*queue.Client)) {
	h.t.Helper()
	token, err := queue.ReadToken(h.config.DataDirectory)
	if err != nil {
		h.t.Fatal(err)
	}
	server, err := queue.StartServer(queue.ServerOptions{StoreDirectory: h.file("nats"), Listen: "127.0.0.1:0", Token: token, Logger: zerolog.Nop()})
	if err != nil {
		h.t.Fatal(err)
	}
	client, err := queue.Dial(queue.ClientOptions{URL: server.ClientURL(), Token: token})
	if err != nil {
		h.t.Fatal(err)
	}
	use(client)
	client.Close()
	if err := server.Shutdown(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// Ensure that a daemon whose queue lost its files while it was down goes on with
// its campaign, dials nobody twice, and takes new jobs behind the old ones.
func TestDaemon_QueueLost(t *testing.T) {
	t.Parallel()
	h := slowHouse(t)
	h.start()
	h.importPeople(invent(900), "FR-75", "party-a", "party-b")
	first := orderFor("party-a", 500)
	order := h.mustSubmit(first).Order
	eventually(t, "dialling is under way", func() bool { return requests(t, h.carrierLog()) > 50 })
	h.stop()
	if err := os.RemoveAll(h.file("nats")); err != nil {
		t.Fatal(err)
	}
	if begun := requests(t, h.carrierLog()); begun >= 500 {
		t.Fatalf("all %d requests had begun: the test shows nothing", begun)
	}
	h.start()
	second := orderFor("party-b", 500)
	if next := h.mustSubmit(second).Order; next <= order {
		t.Errorf("the new queue gives out place %d, the first job had %d", next, order)
	}
	h.submit(first) // the queue has forgotten it, the ledger has not
	h.close(h.advance, first.ID, second.ID)
	if verdict := judge(t, h.carrierLog(), nil); verdict.Created != 900 {
		t.Errorf("%d messages were created, want 900", verdict.Created)
	}
	h.stop()
	mustBeSound(t, h.config.DataDirectory)
}
