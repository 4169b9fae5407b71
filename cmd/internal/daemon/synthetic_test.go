package daemon

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	post "github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/queue"
)

// syntheticLists are lists of each kind that say that their people are invented.
// The numbers are fictional all the same, as everywhere in tests.
var syntheticLists = map[queue.IntakeKind]string{
	queue.IntakeContacts: "synthetic number,territory\n+33639989999,FR-75\n",
	queue.IntakeGrants: "synthetic number,channel,party,purpose,given_at,collected_from,explicit,wording_version,wording\n" +
		"+33639989999,sms,party-a,political,2025-09-01,data_subject,true,v1,J'accepte\n",
	queue.IntakeOptOuts: "Synthetic_Number,received_at,reason,way\n+33639989999,2025-12-18T09:05:47+01:00,stop,sms\n",
}

func syntheticList(kind queue.IntakeKind) queue.Upload {
	return post.Lists(kind, []string{"list.csv"}, []io.Reader{strings.NewReader(syntheticLists[kind])})
}

// Ensure that a daemon with a real carrier takes no list of invented people, of
// no kind, and keeps nothing of it.
func TestSynthetic_RefusedByTwilio(t *testing.T) {
	t.Parallel()
	h, _ := twilioHouse(t)
	h.start()
	for kind := range syntheticLists {
		_, err := h.client.Upload(t.Context(), syntheticList(kind))
		if err == nil || !strings.Contains(err.Error(), "list.csv:1: the list is of invented people") {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if h.daemon.directories.Current() != nil {
		t.Error("there is a directory")
	}
	h.importPeopleAt(time.Now().AddDate(0, -2, 0), invent(2), openTerritory(t), "party-a")
	h.stop()
	h.start() // what was refused has left no mark
}

// Ensure that a list of any kind, taken in a sandbox, keeps the data directory
// from real carriers for good; and that the directory alone does where it is put
// beside another ledger, however often it was built anew.
func TestSynthetic_StartRefusedByTwilio(t *testing.T) {
	t.Parallel()
	for kind := range syntheticLists {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			h, _ := twilioHouse(t)
			twilio := h.config.Carrier
			h.config.Carrier = newHouse(t).config.Carrier
			h.start()
			if _, err := h.client.Upload(t.Context(), syntheticList(kind)); err != nil {
				t.Fatal(err)
			}
			h.importPeople(invent(3), "FR-75", "party-a") // merged with what is there
			h.stop()
			h.start() // a sandbox may
			h.stop()
			h.config.Carrier = twilio
			h.mustNotStart()
			for _, path := range []string{h.file("ledger.db"), h.file("ledger.mark"), h.file("objections.journal")} {
				if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
			}
			if kind == queue.IntakeContacts {
				h.mustNotStart()
			}
		})
	}
}

func (h *house) mustNotStart() {
	h.t.Helper()
	daemon, err := New(h.config, zerolog.New(h.log))
	if err == nil {
		_ = daemon.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "invented people") {
		h.t.Errorf("a daemon with a real carrier: %v", err)
	}
}
