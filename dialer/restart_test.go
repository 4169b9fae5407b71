package dialer_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// promptCarrier delivers every message at once, and tells when a request is the
// first one or the last one of a run.
type promptCarrier struct {
	*fakeCarrier
	dialer      func() *dialer.Dialer
	requests    atomic.Int64
	until       int64
	first, last chan struct{}
}

// Place tells the message's end before it answers, as a fast carrier may.
func (c *promptCarrier) Place(ctx context.Context, request dialer.Request) dialer.Answer {
	n := c.requests.Add(1)
	if n == 1 {
		close(c.first)
	}
	sid := fmt.Sprintf("SM%032x", request.Attempt)
	update := dialer.StatusUpdate{Attempt: request.Attempt, SID: sid, Status: dialer.StatusDelivered}
	if err := c.dialer().Status(ctx, update); err != nil {
		return dialer.Answer{}
	}
	if n == c.until {
		close(c.last)
	}
	return dialer.Answer{Kind: dialer.Accepted, SID: sid, HTTPStatus: 201}
}

// crowd is a directory of any number of people, all in Paris. Their numbers are
// never dialled: the carrier is a function.
type crowd struct {
	place  *contact.Territory
	values []uint16
	size   uint64
}

func (c *crowd) id(i uint64) (id contact.ID) {
	binary.BigEndian.PutUint64(id[:], i<<32)
	binary.BigEndian.PutUint64(id[8:], i*0x9E3779B97F4A7C15)
	return id
}

// Contact fills row with the contact.
func (c *crowd) Contact(id contact.ID, row *dialer.Contact) (bool, error) {
	if i := binary.BigEndian.Uint64(id[:]) >> 32; i >= c.size || c.id(i) != id {
		return false, nil
	}
	*row = dialer.Contact{ID: id, Line: contact.Mobile, Territory: c.place, BirthYear: 1950, Values: c.values}
	return true, nil
}

// Contacts calls each for every contact.
func (c *crowd) Contacts(each func(*dialer.Contact) bool) error {
	var row dialer.Contact
	for i := range c.size {
		if _, err := c.Contact(c.id(i), &row); err != nil || !each(&row) {
			return err
		}
	}
	return nil
}

// Number returns a number kept for fiction.
func (c *crowd) Number(contact.ID) (contact.Number, error) { return contact.ParseE164("+33639980000") }

// Ensure that a restart asks for its first decision within five seconds, however
// many attempts the ledger holds. HUSTINGS_RESTART_ATTEMPTS sets how many.
func TestRestart_FirstDecision(t *testing.T) {
	attempts := int64(20_000)
	if text := os.Getenv("HUSTINGS_RESTART_ATTEMPTS"); text != "" {
		var err error
		if attempts, err = strconv.ParseInt(text, 10, 64); err != nil {
			t.Fatalf("HUSTINGS_RESTART_ATTEMPTS: %v", err)
		}
	}
	place, _ := contact.FindTerritory("FR-75")
	people := &crowd{place: place, size: uint64(attempts + attempts/10)}
	var line *promptCarrier
	h := newHouse(t, plan{people: 1, inFlight: 512, rate: 1e9, options: func(h *house, o *dialer.Options) {
		line = &promptCarrier{
			fakeCarrier: h.carrier, dialer: h.dialer, until: attempts, first: make(chan struct{}), last: make(chan struct{}),
		}
		o.Directory, o.Carrier = people, line
	}})
	people.values = make([]uint16, len(h.registry.Attributes))
	h.consentCrowd(people, "party-a")
	job := h.job("first", "party-a")
	job.Size, job.Budget = int(people.size), dialer.Money(people.size)*dialer.Unit
	h.accept(job)
	began := time.Now()
	h.run()
	<-line.last
	h.halt()
	filled := time.Since(began)

	began = time.Now()
	h.restart()
	opened := time.Since(began)
	h.run()
	select {
	case <-line.first:
	case <-time.After(time.Minute):
		t.Fatal("a minute after the restart nobody is dialled")
	}
	took := time.Since(began)
	h.halt()
	t.Logf("%d attempts in %s; after the restart the ledger was open in %s, and the first request began after %s", attempts, filled, opened, took)
	if took > 5*time.Second {
		t.Errorf("the first request began %s after the restart, 5s are promised", took)
	}
	h.checkBooks()
	h.closeLedger()
}

func (h *house) consentCrowd(people *crowd, party string) {
	h.t.Helper()
	for from := uint64(0); from < people.size; from += 10_000 {
		move := new(dialer.RecordGrants)
		for i := from; i < min(from+10_000, people.size); i++ {
			move.Grants = append(move.Grants, grantOf(people.id(i), party, tuesday.AddDate(-1, 0, 0)))
		}
		if err := h.ledger.Commit(h.t.Context(), move); err != nil {
			h.t.Fatal(err)
		}
	}
}
