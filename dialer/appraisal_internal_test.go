package dialer

import (
	"testing"
	"time"
)

// Ensure that a campaign over a pool has had work for as long as any of its senders
// had, and was offered what all of them had, while each sender has its own figures;
// and that a minute of before there were pools counts for the job's own sender.
func TestAppraisal_Pool(t *testing.T) {
	const first = 30_000_000
	a := &appraisal{
		fairness: new(Fairness), senders: map[string]*senderAppraisal{},
		campaigns: map[uint32]*CampaignFairness{1: {Party: "party-a", Sender: "pool-a"}, 2: {Party: "party-b", Sender: "A"}},
	}
	for _, one := range []struct {
		minute int64
		holder shareHolder
		worked time.Duration
	}{
		{first, shareHolder{1, "A"}, 30 * time.Second},
		{first, shareHolder{1, "B"}, 50 * time.Second},
		{first, shareHolder{1, "C"}, 10 * time.Second},
		{first, shareHolder{2, ""}, time.Minute},
		{first + 1, shareHolder{1, "A"}, 20 * time.Second},
		{first + 1, shareHolder{2, "A"}, time.Minute},
	} {
		a.enter(shareKey{one.minute, one.holder}, shareEntry{worked: one.worked, offered: 7, used: 5, requests: 3})
	}
	a.conclude()
	pooled, single := a.fairness.Campaigns[0], a.fairness.Campaigns[1]
	if time.Duration(pooled.Worked) != 70*time.Second || pooled.Offered != 28 || pooled.Used != 20 || pooled.Requests != 12 {
		t.Errorf("the pool's campaign: %+v", pooled)
	}
	if time.Duration(single.Worked) != 2*time.Minute || single.Offered != 14 {
		t.Errorf("the other campaign: %+v", single)
	}
	if len(a.fairness.Senders) != 3 {
		t.Fatalf("senders: %+v", a.fairness.Senders)
	}
	for i, want := range []struct {
		sender  string
		parties int
		worked  time.Duration
	}{{"A", 2, 50 * time.Second}, {"B", 1, 50 * time.Second}, {"C", 1, 10 * time.Second}} {
		s := a.fairness.Senders[i]
		if s.Sender != want.sender || len(s.Parties) != want.parties || time.Duration(s.Parties[0].Worked) != want.worked {
			t.Errorf("sender %+v, want %+v", s, want)
		}
	}
}

// Ensure that the log's keys are read as they were written, with a sender or, as
// they once were, without.
func TestShareKey(t *testing.T) {
	for _, want := range []shareKey{{7, shareHolder{3, "+33199000001"}}, {7, shareHolder{3, ""}}} {
		if got, ok := readShareKey(want.row()); !ok || got != want {
			t.Errorf("read %+v, %t, want %+v", got, ok, want)
		}
	}
	if _, ok := readShareKey(make([]byte, 11)); ok {
		t.Error("a key that is too short was read")
	}
}
