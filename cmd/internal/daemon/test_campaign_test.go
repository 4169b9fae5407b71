package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
	"github.com/hustings/hustings/queue"
)

// testNumbers are two phones of the broker's own, in numbers kept for fiction.
var testNumbers = []string{"+33639989001", "+33639989002"}

// registerTestNumbers names the file of the broker's own phones.
func (h *house) registerTestNumbers() {
	h.t.Helper()
	h.config.TestNumbersFile = filepath.Join(h.t.TempDir(), "test-numbers.yaml")
	text := "test:\n"
	for i, number := range testNumbers {
		text += fmt.Sprintf("  - {name: phone-%d, number: %q, territory: FR-75}\n", i+1, number)
	}
	if err := os.WriteFile(h.config.TestNumbersFile, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// test orders a test and waits for its end.
func (h *house) test(campaign string) []dialer.TestView {
	h.t.Helper()
	request := queue.CampaignRequest{Campaign: campaign, Operator: "op-anne", Reason: "before it starts"}
	if err := h.client.Call(h.t.Context(), queue.VerbCampaignTest, request, new(dialer.CampaignView)); err != nil {
		h.t.Fatal(err)
	}
	open := func(test dialer.TestView) bool { return test.State != "closed" }
	eventually(h.t, "the tests of "+campaign+" are closed", func() bool { return !slices.ContainsFunc(h.show(campaign).Tests, open) })
	return h.show(campaign).Tests
}

// Ensure that the carrier makes one message of each text for each of the broker's
// own phones, that a STOP from one of them holds for the next test and after a
// restart, that the campaign stands as if nothing had been, and that no number is
// told.
func TestDaemon_Test(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.registerTestNumbers()
	sandboxed := &h.config.Carrier.Sandbox
	sandboxed.StopFraction, sandboxed.Undelivered, sandboxed.Failed = 0, 0, 0
	h.start()
	h.importPeople(append(invent(600), testNumbers[1]), "FR-75", "party-a")
	job := orderFor("party-a", 500)
	job.Schedule.Start = h.daemon.clock.Now().AddDate(0, 0, 1)
	h.submit(job)
	eventually(t, "the campaign is ready", func() bool { return h.show(job.ID).State == "ready" })

	first := h.test(job.ID)
	for _, phone := range first[0].Phones {
		if phone.Outcome != "delivered" {
			t.Errorf("the first test ended with %+v", first[0])
		}
	}
	if _, err := h.client.OptOut(t.Context(), queue.OptOut{Number: testNumbers[0], Way: "phone", Operator: "op-anne"}); err != nil {
		t.Fatal(err)
	}
	h.stop()
	h.start()
	second := h.test(job.ID)
	if len(second) != 2 || second[1].Phones[0].Reason != "OPTED_OUT" || second[1].Phones[1].Outcome != "delivered" {
		t.Errorf("after the STOP the tests are %+v", second)
	}
	if b := h.show(job.ID).Balance; b.Considered != 600 || b.Audience != 500 || b.Planned != 500 || b.Attempts != 0 || b.Reserved != 0 {
		t.Errorf("after the tests the campaign stands at %+v", b)
	}

	made := map[string]int{}
	records, err := sandbox.ReadLog(h.carrierLog())
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range records {
		if record.Kind == sandbox.KindCreated && slices.Contains(testNumbers, record.To) {
			made[record.To]++
		}
	}
	if made[testNumbers[0]] != 1 || made[testNumbers[1]] != 2 {
		t.Errorf("the carrier made %v messages for the broker's own phones", made)
	}
	if log := h.log.all(); strings.Contains(log, "63998900") || !strings.Contains(log, dialer.EventTest) {
		t.Error("the log tells a test number, or of no test")
	}
}
