package daemon

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store"
)

// spoiledMove is a move after which nobody knows what is on disk.
type spoiledMove struct{}

var errSpoiled = errors.New("a page could not be written")

func (spoiledMove) Apply(tx dialer.Tx) { tx.Fail(errSpoiled) }

// Ensure that a daemon whose ledger has failed dials nobody, makes opt-outs
// effective all the same and refuses everything else with a hint, until it ends
// with the error; and that the opt-outs hold in its next life (I1, I13, I16).
func TestDaemon_LedgerFails(t *testing.T) {
	t.Parallel()
	h := slowHouse(t)
	h.config.HTTP.Ops.Listen = freeAddress(t)
	h.start()
	numbers := invent(600)
	h.importPeople(numbers, "FR-75", "party-a")
	job := h.submit(orderFor("party-a", 600))
	eventually(t, "dialling is under way", func() bool { return requests(t, h.carrierLog()) > 50 })
	if err := h.daemon.ledger.Commit(t.Context(), spoiledMove{}); !errors.Is(err, store.ErrStopped) {
		t.Fatal(err)
	}
	eventually(t, "the daemon lingers", func() bool { return strings.Contains(h.log.all(), eventLingering) })
	begun := requests(t, h.carrierLog())
	stopped := h.notDialled(numbers, 2)
	answer, err := h.client.OptOut(t.Context(), queue.OptOut{Number: stopped[0], Way: "phone", Operator: "op-anne"})
	if err != nil || answer.Effect != string(dialer.Effective) || !answer.Known {
		t.Errorf("an opt-out: %+v, %v", answer, err)
	}
	if _, err := h.daemon.carrier.inner.Reply(stopped[1], "TILLEULS", "STOP"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the STOP is acknowledged", func() bool {
		return slices.ContainsFunc(readCarrier(t, h.carrierLog()), func(r sandbox.Record) bool {
			return r.Kind == sandbox.KindInboundAnswered && r.From == stopped[1] && r.HTTP/100 == 2
		})
	})
	if err := h.client.Call(t.Context(), queue.VerbCampaignList, nil, nil); queue.CodeOf(err) != queue.CodeBusy || queue.HintOf(err) == "" {
		t.Errorf("the campaigns' list: %v", err)
	}
	if status := h.status(); status.Ready || !strings.Contains(strings.Join(status.Waiting, "\n"), "opt-outs alone") {
		t.Errorf("ready %v, waiting for %q", status.Ready, status.Waiting)
	}
	if ready, waiting := h.readyz(); ready || !strings.Contains(strings.Join(waiting, "\n"), "opt-outs alone") {
		t.Errorf("readyz: %v, %q", ready, waiting)
	}

	h.client.Close()
	h.cancel()
	if err := <-h.ended; !errors.Is(err, errSpoiled) {
		t.Errorf("run: %v", err)
	}
	if err := h.daemon.Close(); err != nil {
		t.Error(err)
	}
	if n := requests(t, h.carrierLog()); n != begun {
		t.Errorf("%d requests began while the daemon lingered", n-begun)
	}
	h.daemon, h.client = nil, nil

	h.start()
	h.close(h.advance, job.ID)
	judge(t, h.carrierLog(), nil)
	if everybody := dialled(t, h.carrierLog()); everybody[stopped[0]] || everybody[stopped[1]] || len(everybody) != 598 {
		t.Errorf("%d were dialled", len(everybody))
	}
	h.stop()
	mustBeSound(t, h.config.DataDirectory)
}

// readyz asks the ops listener.
func (h *house) readyz() (ready bool, waiting []string) {
	h.t.Helper()
	response, err := http.Get("http://" + h.config.HTTP.Ops.Listen + "/readyz")
	if err != nil {
		h.t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer func() { _ = response.Body.Close() }()
	var told struct {
		Ready   bool     `json:"ready"`
		Waiting []string `json:"waiting"`
	}
	if err := json.NewDecoder(response.Body).Decode(&told); err != nil {
		h.t.Fatal(err)
	}
	if (response.StatusCode == http.StatusOK) != told.Ready {
		h.t.Errorf("readyz: %s, ready %v", response.Status, told.Ready)
	}
	return told.Ready, told.Waiting
}
