package daemon

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/report"
	"github.com/hustings/hustings/queue"
)

// runSample lets two parties' campaigns run over the sample to their ends.
func runSample(h *house) []*dialer.CampaignView {
	h.t.Helper()
	h.upload(queue.IntakeContacts, "contacts-1.csv", "contacts-2.csv.gz")
	h.upload(queue.IntakeGrants, "grants.csv")
	h.upload(queue.IntakeOptOuts, "optouts.csv")
	first, second := h.submit(exampleFor("party-a")), h.submit(exampleFor("party-b"))
	return h.close(h.advance, first.ID, second.ID)
}

// Ensure that two parties' campaigns run over the sample to books that balance,
// and to reports that are drawn once and served as the same bytes for ever.
func TestDaemon_TwoParties(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.config.Carrier.Sandbox.Silent = 0.01
	h.start()
	views := runSample(h)
	if n := views[0].Balance.Final["unknown"]; n == 0 {
		t.Error("nobody's outcome is unknown: the run shows little")
	}
	if n := views[0].Balance.Audience; n != 1500 {
		t.Errorf("the first party got %d contacts of 1500", n)
	}
	if n := views[1].Balance.Audience; n == 0 || n >= 1500 {
		t.Errorf("the second party got %d contacts", n)
	}
	verdict := judge(t, h.carrierLog(), nil)
	if sent := views[0].Balance.Attempts + views[1].Balance.Attempts; uint64(verdict.Created) != sent {
		t.Errorf("the carrier created %d messages of %d attempts", verdict.Created, sent)
	}
	if verdict.OptOuts == 0 {
		t.Error("nobody has opted out: the run shows little")
	}

	reports := h.untilReported(views)
	before := map[string][]byte{}
	for i, view := range views {
		h.checkReport(view, reports[i], before)
	}
	h.stop()
	mustBeSound(t, h.config.DataDirectory)
	h.start()
	for name, served := range before {
		if again := h.served(name); string(again) != string(served) {
			t.Errorf("report %s: other bytes are served after a restart", name)
		}
	}
}

// untilReported waits for the reports of closed campaigns: a day after closing,
// on the hour of all reports.
func (h *house) untilReported(views []*dialer.CampaignView) []queue.ReportInfo {
	h.t.Helper()
	due := views[0].ReportDue
	for _, view := range views {
		if view.ReportDue.After(due) {
			due = view.ReportDue
		}
	}
	h.advance(due.Sub(h.status().Now))
	reports := make([]queue.ReportInfo, len(views))
	eventually(h.t, "the reports are released", func() bool {
		var infos []queue.ReportInfo
		if err := h.client.Call(h.t.Context(), queue.VerbReportList, nil, &infos); err != nil {
			h.t.Fatal(err)
		}
		released := 0
		for _, info := range infos {
			for i, view := range views {
				if info.Campaign == view.ID && !info.Released.IsZero() {
					reports[i] = info
					released++
				}
			}
		}
		return released == len(views)
	})
	return reports
}

// served returns one rendering, named by its campaign and its format.
func (h *house) served(name string) []byte {
	h.t.Helper()
	campaign, format, _ := strings.Cut(name, " ")
	var content []byte
	asked := queue.ReportRequest{Campaign: campaign, Format: format}
	if err := h.client.Call(h.t.Context(), queue.VerbReportGet, asked, &content); err != nil {
		h.t.Fatalf("report %s: %v", name, err)
	}
	return content
}

// checkReport holds a released report against its files, its signature and the
// books, and notes what was served.
func (h *house) checkReport(view *dialer.CampaignView, info queue.ReportInfo, served map[string][]byte) {
	h.t.Helper()
	pem, err := os.ReadFile(h.file("reports/" + info.KeyID + ".pem"))
	if err != nil {
		h.t.Fatal(err)
	}
	public, err := report.ParsePublicKey(pem)
	if err != nil {
		h.t.Fatal(err)
	}
	for i, format := range reportFormats {
		name := view.ID + " " + format
		served[name], served[name+".sig"] = h.served(name), h.served(name+".sig")
		if err := report.Verify(public, served[name], served[name+".sig"]); err != nil {
			h.t.Errorf("report %s: %v", name, err)
		}
		for file, want := range map[string][]byte{info.Files[i]: served[name], info.Files[i] + ".sig": served[name+".sig"]} {
			if content, err := os.ReadFile(file); err != nil || string(content) != string(want) {
				h.t.Errorf("%s is not what is served: %v", file, err)
			}
		}
	}
	h.checkFigures(view, served[view.ID+" json"])
}

// noiseMargin is what no figure is off its true count by, but once in a hundred
// million reports, rounding included.
const noiseMargin = 45

func (h *house) checkFigures(view *dialer.CampaignView, rendering []byte) {
	h.t.Helper()
	var told struct {
		Size    uint64             `json:"size"`
		Sandbox bool               `json:"sandbox"`
		Classes map[string]*uint64 `json:"classes"`
	}
	if err := json.Unmarshal(rendering, &told); err != nil {
		h.t.Fatal(err)
	}
	final := view.Balance.Final
	truth := map[string]uint64{
		"reached": final["delivered"], "not_reached": final["undelivered"] + final["failed"], "unknown": final["unknown"],
	}
	truth["not_contacted"] = view.Balance.Size - truth["reached"] - truth["not_reached"] - truth["unknown"]
	if told.Size != view.Balance.Size || !told.Sandbox || len(told.Classes) != len(truth) {
		h.t.Errorf("%s: the report says size %d, sandbox %v, %d classes", view.ID, told.Size, told.Sandbox, len(told.Classes))
	}
	for class, figure := range told.Classes {
		want := truth[class]
		switch {
		case figure == nil && want > report.Threshold+noiseMargin:
			h.t.Errorf("%s: %s is withheld, the truth is %d", view.ID, class, want)
		case figure != nil && (*figure+noiseMargin < want || *figure > want+noiseMargin || *figure%5 != 0):
			h.t.Errorf("%s: %s is told as %d, the truth is %d", view.ID, class, *figure, want)
		}
	}
}
