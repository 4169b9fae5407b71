package rig

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
	"github.com/hustings/hustings/queue"
)

// Ensure that a daemon that dies at any of the named points, before a step and
// after it, at one after the other, keeps every promise.
func TestFailpoints(t *testing.T) {
	t.Parallel()
	base := seed(t)
	for part, points := range slices.Collect(slices.Chunk(failpoints, 9)) {
		t.Run(fmt.Sprintf("part%d", part), func(t *testing.T) {
			t.Parallel()
			replayable(t, base)
			deaths := make([]death, len(points))
			for i, point := range points {
				deaths[i] = death{point, 1}
			}
			dieAt(t, base+uint64(part), deaths)
		})
	}
}

// pairsPerHouse is at how many drawn points one daemon dies.
const pairsPerHouse = 12

// Ensure the same for points that are drawn at random, at passings that are
// drawn, too: any two after each other are a pair.
func TestFailpoints_Drawn(t *testing.T) {
	t.Parallel()
	pairs, base := number(t, settingPairs, 0), seed(t)
	if pairs == 0 {
		t.Skipf("SKIPPED: points that are drawn: %s says how many, the short form dies at each point once and draws none", settingPairs)
	}
	for house := 0; pairs > 0; house++ {
		count := min(pairs, pairsPerHouse)
		pairs -= count
		t.Run(fmt.Sprintf("house%d", house), func(t *testing.T) {
			t.Parallel()
			replayable(t, base, settingPairs)
			random := draw(base + uint64(house))
			deaths := make([]death, count)
			for i := range deaths {
				deaths[i] = death{failpoints[random.IntN(len(failpoints))], 1 + random.IntN(3)}
			}
			dieAt(t, base+uint64(house), deaths)
		})
	}
}

// death is a point, and at which passing of it the daemon dies.
type death struct {
	point   string
	passing int
}

// unplanned is a point that leaves half a plan behind: only that is wiped.
const unplanned = "plannedMove.before"

// roundsAtMost is how often everything is asked of a daemon that is to die at a
// point before the point counts as one that it never passes.
const roundsAtMost = 4

// dieAt has one daemon die at one point after the other, and judges it then.
func dieAt(t *testing.T, seed uint64, deaths []death) {
	t.Helper()
	v := newVillages(t, seed)
	for _, d := range deaths {
		if !v.die(d) {
			t.Errorf("%s: %d rounds, and the point was never passed", d.point, roundsAtMost)
		}
		v.mustBalance()
		if t.Failed() {
			t.Fatalf("after the death at %s:%d", d.point, d.passing)
		}
	}
	v.start()
	v.Speed(usualSpeed)
	v.campaigns = v.known()
	r := v.finish()
	t.Logf("figures: %d deaths, %d requests, %d created, %d unknown", v.kills, r.Requests, r.Created, r.unknown)
}

// villages are a scene with people in many places, so that there is always
// another place for another campaign.
type villages struct {
	*scene
	next int
}

const (
	villagers = 10
	// The places are departments whose numbers have two digits and no letter.
	firstPlace, lastPlace = 21, 95
	usualSpeed            = 600
	// slowSpeed lets a message wait in the carrier's queue for a tenth of a second.
	slowSpeed = 10
)

func place(k int) string { return fmt.Sprintf("FR-%d", firstPlace+k) }

func newVillages(t *testing.T, seed uint64) *villages {
	t.Helper()
	const places = lastPlace - firstPlace + 1
	v := &villages{scene: newScene(t, places*villagers, outpost.Options{InFlight: 4, Carrier: []string{
		"--seed", fmt.Sprint(seed), "--latency", "5ms", "--callback-lost", "0.1", "--stop-fraction", "0.1", "--fault", "reset=0.1",
	}})}
	v.start()
	var names []string
	var lists []io.Reader
	for k := range places {
		names = append(names, place(k)+".csv")
		lists = append(lists, strings.NewReader(outpost.ContactList(v.in(k), place(k))))
	}
	v.ImportFiles(queue.IntakeContacts, names, lists)
	v.rest()
	return v
}

// in returns who lives in a place.
func (v *villages) in(k int) []string {
	return v.numbers[k*villagers:][:villagers]
}

// die starts a daemon that is to die at a point, and asks everything of it until
// it does.
func (v *villages) die(d death) bool {
	v.t.Helper()
	if strings.HasPrefix(d.point, "wipeMove") && !v.die(death{unplanned, 1}) {
		return false
	}
	for range roundsAtMost {
		alive := v.launch(outpost.Launch{Environment: []string{fmt.Sprintf("%s=%s:%d", settingFailpoint, d.point, d.passing)}})
		if alive && !v.idle(d.point) {
			v.day(d.point)
		}
		select {
		case <-v.Player().Over():
			v.there.Store(nil)
			v.died()
			if code := v.Stop(syscall.SIGKILL); code != -1 {
				v.t.Fatalf("%s: the daemon ended by itself with code %d\n%s", d.point, code, v.Tell())
			}
			return true
		default:
		}
		v.there.Store(nil)
		v.Stop(syscall.SIGTERM)
		d.passing = (d.passing + 1) / 2
	}
	return false
}

// day asks everything once that can be asked of a daemon, as long as it lives.
func (v *villages) day(point string) {
	v.t.Helper()
	there, ctx, cancel := v.whileThere()
	defer cancel()
	if v.next > lastPlace-firstPlace-1 {
		v.t.Fatal("there is no place left for another campaign: fewer deaths a house")
	}
	first, second := v.next, v.next+1
	v.next += 2
	dialled, cancelled := fmt.Sprintf("a-%d", first), fmt.Sprintf("b-%d", second)
	v.daylight()
	v.morning(ctx, there.client, first, second)
	v.Speed(slowSpeed)
	v.offer(ctx, there.client, v.firstJob(first, dialled), first, 0)
	v.objections(ctx, first)
	_ = v.command(ctx, queue.VerbCampaignPause, dialled)
	_ = v.command(ctx, queue.VerbCampaignResume, dialled)
	v.offer(ctx, there.client, order("party-b", cancelled, 500), second, 6*time.Hour)
	v.until(ctx, cancelled, "ready", 20*time.Millisecond, func() {})
	_ = v.command(ctx, queue.VerbCampaignCancel, cancelled)
	v.Speed(usualSpeed)
	v.evening(ctx, dialled, point)
}

// morning brings consents, and a job that cannot be accepted.
func (v *villages) morning(ctx context.Context, client *queue.Client, places ...int) {
	for _, k := range places {
		list := strings.NewReader(outpost.GrantList(outpost.LongAgo, v.in(k), parties...))
		_, _ = client.Upload(ctx, outpost.Lists(queue.IntakeGrants, []string{"grants.csv"}, []io.Reader{list}))
		if v.rings(k) {
			list = strings.NewReader(outpost.CallGrantList(v.in(k), parties...))
			_, _ = client.Upload(ctx, outpost.Lists(queue.IntakeGrants, []string{"calls.csv"}, []io.Reader{list}))
		}
	}
	if ctx.Err() == nil {
		_, _ = client.Submit(ctx, order("party-a", fmt.Sprintf("wrong-%d", places[0]), 499))
	}
}

// firstJob is texts in one place, and calls in the next.
func (v *villages) firstJob(k int, name string) *dialer.Job {
	if v.rings(k) {
		return calls(name, 500)
	}
	return order("party-a", name, 500)
}

// rings tells whether the people of a place are called.
func (v *villages) rings(k int) bool { return k%4 == 2 }

// offer submits a job for the people of one place, to begin after so long.
func (v *villages) offer(ctx context.Context, client *queue.Client, job *dialer.Job, k int, after time.Duration) {
	if ctx.Err() != nil {
		return
	}
	now := v.Now()
	job.Segment = dialer.Segment{"territory": {place(k)}}
	job.Schedule.Start, job.Schedule.End = now.Add(after).Truncate(time.Second), now.Add(72*time.Hour).Truncate(time.Second)
	_, _ = client.Submit(ctx, job)
}

// objections come from those who were written to a moment ago, so that there is
// something to be cancelled at the carrier, and from others by text.
func (v *villages) objections(ctx context.Context, k int) {
	people, told := v.in(k), map[string]bool{}
	for range 100 {
		if len(told) == 3 || !pause(ctx, 10*time.Millisecond) {
			break
		}
		for _, record := range outpost.ReadCarrier(v.t, v.CarrierLog()) {
			if record.Kind != sandbox.KindCreated || !slices.Contains(people, record.To) || told[record.To] || len(told) == 3 {
				continue
			}
			told[record.To] = true
			_ = v.optOut(ctx, record.To)
		}
	}
	v.Reply(people[1], "TILLEULS", "Merci, c'est noté")
	v.Reply(people[2], "TILLEULS", stops[k%len(stops)])
}

// evening lets time pass until a campaign is closed and, where that is the
// point, further until a report is due, or the carrier's copies are.
func (v *villages) evening(ctx context.Context, campaign, point string) {
	v.until(ctx, campaign, "closed", 100*time.Millisecond, func() { v.Advance(time.Hour) })
	step, _, _ := strings.Cut(point, ".")
	switch {
	case step == "reportMove":
		v.Advance(50 * time.Hour)
		pause(ctx, 3*time.Second)
	case step == "markMove":
		pause(ctx, 10*time.Second)
	case isTidying(point) && ctx.Err() == nil:
		v.Advance(8 * 24 * time.Hour)
		pause(ctx, 20*time.Second)
	}
}

// isTidying tells that a point comes where the carrier's copies are deleted, a
// week after all is over.
func isTidying(point string) bool {
	return slices.ContainsFunc([]string{"Carrier.Forget", "copyMove", "cursorMove"}, func(step string) bool {
		return strings.HasPrefix(point, step)
	})
}

// idle tells whether the daemon dies over what there is to be tidied from before.
func (v *villages) idle(point string) bool {
	return isTidying(point) && outpost.Within(3*time.Second, v.over)
}

// until waits for a campaign's state, for some time, and does something meanwhile.
func (v *villages) until(ctx context.Context, campaign, state string, each time.Duration, meanwhile func()) {
	for range 15 {
		view := new(dialer.CampaignView)
		_ = v.ask(ctx, func(ctx context.Context, client *queue.Client) error {
			return client.Call(ctx, queue.VerbCampaignShow, queue.CampaignRequest{Campaign: campaign}, view)
		})
		if view.State == state || !pause(ctx, each) {
			return
		}
		meanwhile()
	}
}

// daylight lets the night pass, in which nobody is dialled.
func (v *villages) daylight() {
	now := v.Now().In(paris)
	morning := time.Date(now.Year(), now.Month(), now.Day(), 9, 0, 0, 0, paris)
	switch {
	case now.Before(morning):
		v.Advance(morning.Sub(now))
	case now.Hour() >= 17:
		v.Advance(morning.AddDate(0, 0, 1).Sub(now))
	}
}

// known are all campaigns that the daemon knows.
func (v *villages) known() []string {
	v.t.Helper()
	var views []dialer.CampaignView
	if err := v.Client.Call(v.t.Context(), queue.VerbCampaignList, nil, &views); err != nil {
		v.t.Fatal(err)
	}
	names := make([]string, len(views))
	for i := range views {
		names[i] = views[i].ID
	}
	return names
}
