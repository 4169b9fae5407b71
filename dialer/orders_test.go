package dialer_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// consentAll lets everybody consent to texts from the parties, and to calls where
// there are any.
func (h *house) consentAll(parties ...string) {
	h.t.Helper()
	move := new(dialer.RecordGrants)
	for _, p := range h.directory.people {
		for _, party := range parties {
			move.Grants = append(move.Grants, h.grantsOf(p.ID, party, tuesday.AddDate(-1, 0, 0))...)
		}
	}
	if err := h.ledger.Commit(context.Background(), move); err != nil {
		h.t.Fatal(err)
	}
}

// grantsOf are a contact's word on all channels that there are.
func (h *house) grantsOf(id contact.ID, party string, at time.Time) []dialer.Grant {
	grants := []dialer.Grant{grantOf(id, party, at)}
	if h.plan.voice {
		call := grants[0]
		call.Channel, call.Slot = contact.Robocall, consent.Slot{Start: 8 * 3600, End: 21*3600 + 30*60}
		grants = append(grants, call)
	}
	return grants
}

func grantOf(id contact.ID, party string, at time.Time) dialer.Grant {
	const wording = "Oui, j'accepte."
	return dialer.Grant{
		Contact: id, Wording: wording, WordingVersion: "1", Evidence: "form", Source: "test", ImportedAt: at,
		Grant: consent.Grant{
			Channel: contact.SMS, Party: party, Purpose: consent.Political, GivenAt: at, CollectedFrom: consent.DataSubject,
			Explicit: true, WordingHash: sha256.Sum256([]byte(wording)),
		},
	}
}

// job is an order of one of the parties for everybody there is.
func (h *house) job(id, party string) *dialer.Job {
	sender, name, page := "TILLEULS", "Parti des Tilleuls", "tilleuls.example/pub"
	switch party {
	case "party-b":
		sender, name, page = "CANAL", "Alliance du Canal", "canal.example/pub"
	case "party-c":
		sender, name, page = "PHARES", "Rassemblement des Phares", "phares.example/pub"
	}
	if h.plan.pool > 0 {
		sender = poolOf(sender)
	}
	return &dialer.Job{
		ID: id, Party: party, Round: "FR-PRES-2027-R1", Purpose: consent.Political, Channel: contact.SMS, Size: 500, Sender: sender,
		Message: dialer.JobMessage{
			Body: fmt.Sprintf("Publicité politique. %s : %s sur %s - Numéro issu du fichier Contacts. STOP au 36111", name, id, page),
			Elements: map[string]string{
				"political_ad_label": "Publicité politique", "identity": name, "transparency_link": page,
				"data_origin": "Numéro issu du fichier Contacts", "opt_out_means": "STOP au 36111",
			},
		},
		Schedule: dialer.JobSchedule{End: h.clock.Now().AddDate(0, 0, 20)},
		Budget:   1000 * dialer.Unit, Operator: "op-anne",
	}
}

// call is an order like job, to be said.
func (h *house) call(id, party string) *dialer.Job {
	job := h.job(id, party)
	name, way := job.Message.Elements["identity"], "Pour ne plus être appelé, appuyez sur le 9"
	job.Channel, job.Sender = contact.Robocall, callers[party]
	job.Call = &dialer.JobCall{Opening: fmt.Sprintf("Bonjour, un automate vous appelle pour %s. %s.", name, way)}
	job.Message.Body = strings.ReplaceAll(job.Message.Body, "STOP au 36111", way)
	job.Message.Elements["opt_out_means"], job.Message.Elements["opt_out_at_start"] = way, way
	return job
}

// accept hands a job in and fails the test where it is rejected.
func (h *house) accept(job *dialer.Job) *dialer.Job {
	h.t.Helper()
	if rejection := h.offer(job); rejection != nil {
		h.t.Fatalf("rejected: %v", rejection.Faults)
	}
	h.jobs = append(h.jobs, job)
	return job
}

func (h *house) offer(job *dialer.Job) *dialer.Rejection {
	h.t.Helper()
	h.order++
	rejection, err := h.submit(h.order, job)
	if err != nil {
		h.t.Fatal(err)
	}
	return rejection
}

// submit hands a job in from its place in the queue.
func (h *house) submit(order uint64, job *dialer.Job) (*dialer.Rejection, error) {
	h.t.Helper()
	data, err := json.Marshal(job)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.dialer().Accept(context.Background(), dialer.Submission{
		ID: fmt.Sprintf("s%d", order), Party: job.Party, Campaign: job.ID, Data: data, Order: order,
	})
}

func (h *house) show(campaign string) *dialer.CampaignView {
	h.t.Helper()
	view, err := h.dialer().Show(campaign)
	if err != nil {
		h.t.Fatal(err)
	}
	return view
}

func (h *house) recipients(campaign string) map[contact.ID]dialer.RecipientRow {
	h.t.Helper()
	var rows map[contact.ID]dialer.RecipientRow
	h.view(func(tx dialer.Tx) { rows = dialer.Recipients(tx, campaign) })
	return rows
}

// patience bounds, in fake time, how long a test waits for anything.
const patience = 15 * time.Minute

// await returns once the condition holds. Fake time passes meanwhile.
func (h *house) await(what string, holds func() bool) {
	h.t.Helper()
	wait, longest := 20*time.Millisecond, 300*time.Millisecond
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-time.After(wait):
			wait = min(wait+wait/8, longest)
		case <-deadline:
			h.t.Fatalf("in vain: %s", what)
		}
	}
}

func (h *house) awaitState(campaign, state string) *dialer.CampaignView {
	h.t.Helper()
	h.await(campaign+" "+state, func() bool { return h.show(campaign).State == state })
	return h.show(campaign)
}

// pass lets fake time pass.
func (h *house) pass(d time.Duration) { <-time.After(d) }

// undialled is the number of a contact for whom no request has begun.
func (h *house) undialled() (number contact.Number) {
	h.t.Helper()
	log := h.carrier.requests()
	for _, p := range h.directory.people {
		if !slices.ContainsFunc(log, func(b begun) bool { return b.To == p.number }) {
			number = p.number
		}
	}
	return number
}

// long skips a case that a short run does without.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("a long case")
	}
}
