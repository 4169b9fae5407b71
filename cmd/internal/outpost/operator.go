package outpost

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/configs/sample"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// Operator is a person with dialctl before a daemon, wherever that runs.
type Operator struct {
	TB     testing.TB
	Client *queue.Client
	// Tell returns the end of the daemon's log, for failures.
	Tell func() string
}

// Upload imports files of the sample.
func (o *Operator) Upload(kind queue.IntakeKind, names ...string) {
	o.TB.Helper()
	var files []io.Reader
	for _, name := range names {
		content, err := sample.Files.ReadFile(name)
		if err != nil {
			o.TB.Fatal(err)
		}
		files = append(files, bytes.NewReader(content))
	}
	o.ImportFiles(kind, names, files)
}

// ImportFiles imports lists and returns what came of them.
func (o *Operator) ImportFiles(kind queue.IntakeKind, names []string, files []io.Reader) queue.IntakeProgress {
	o.TB.Helper()
	done, err := o.Client.Upload(o.TB.Context(), Lists(kind, names, files))
	if err != nil {
		o.TB.Fatalf("import %s: %v\n%s", kind, err, o.Tell())
	}
	return done
}

// Lists are lists as an operator sends them.
func Lists(kind queue.IntakeKind, names []string, files []io.Reader) queue.Upload {
	return queue.Upload{Open: queue.IntakeOpen{Kind: kind, Source: "test", Files: names, Operator: "op-anne"}, Files: files}
}

// Invent makes numbers that are kept for works of fiction.
func Invent(count int) []string {
	if count > 10_000 {
		panic("no more numbers than these are kept for fiction")
	}
	numbers := make([]string, count)
	for i := range numbers {
		numbers[i] = fmt.Sprintf("+3363998%04d", i)
	}
	return numbers
}

// ImportPeople enters the holders of the numbers, all of them consenting to
// texts of the parties.
func (o *Operator) ImportPeople(numbers []string, territory string, parties ...string) {
	o.TB.Helper()
	o.ImportPeopleAt(LongAgo, numbers, territory, parties...)
}

// LongAgo is a day before any campaign of the tests.
var LongAgo = time.Date(2026, time.September, 1, 0, 0, 0, 0, time.UTC)

// ImportPeopleAt is ImportPeople with the day of the consent.
func (o *Operator) ImportPeopleAt(given time.Time, numbers []string, territory string, parties ...string) {
	o.TB.Helper()
	for _, list := range []struct {
		kind queue.IntakeKind
		text string
		want int
	}{
		{queue.IntakeContacts, ContactList(numbers, territory), len(numbers)},
		{queue.IntakeGrants, GrantList(given, numbers, parties...), len(numbers) * len(parties)},
	} {
		done := o.ImportFiles(list.kind, []string{"list.csv"}, []io.Reader{strings.NewReader(list.text)})
		if done.Counts["added"] != uint64(list.want) {
			o.TB.Fatalf("import %s: %v, want %d added", list.kind, done.Counts, list.want)
		}
	}
}

// ContactList is the list of the numbers' holders, who all live in one place.
func ContactList(numbers []string, territory string) string {
	var list strings.Builder
	list.WriteString("number,territory,birth_year,age_band\n")
	for _, number := range numbers {
		fmt.Fprintf(&list, "%s,%s,1950,65+\n", number, territory)
	}
	return list.String()
}

// ConsentToCalls has everybody agree to the calls of each party, in the hours in which
// texts may come.
func (o *Operator) ConsentToCalls(numbers []string, parties ...string) {
	o.TB.Helper()
	done := o.ImportFiles(queue.IntakeGrants, []string{"calls.csv"}, []io.Reader{strings.NewReader(CallGrantList(numbers, parties...))})
	if want := uint64(len(numbers) * len(parties)); done.Counts["added"] != want {
		o.TB.Fatalf("import consents to calls: %v, want %d added", done.Counts, want)
	}
}

// CallGrantList is the list of consents to the calls of each party.
func CallGrantList(numbers []string, parties ...string) string {
	return grantList("robocall", "08:00-21:30", LongAgo, numbers, parties)
}

// GrantList is the list of their consents to the texts of each party.
func GrantList(given time.Time, numbers []string, parties ...string) string {
	return grantList("sms", "", given, numbers, parties)
}

// grantList is a list of consents, in hours of their own where there are any.
func grantList(channel, slot string, given time.Time, numbers, parties []string) string {
	column := ""
	if slot != "" {
		column, slot = ",slot", ","+slot
	}
	var list strings.Builder
	list.WriteString("number,channel,party,purpose,given_at,collected_from,explicit,wording_version,wording" + column + "\n")
	for _, number := range numbers {
		for _, party := range parties {
			fmt.Fprintf(&list, "%s,%s,%s,political,%s,data_subject,true,v1,J'accepte%s\n", number, channel, party, given.Format(time.DateOnly), slot)
		}
	}
	return list.String()
}

// Submit has a job accepted.
func (o *Operator) Submit(job *dialer.Job) *dialer.Job {
	o.TB.Helper()
	o.MustSubmit(job)
	return job
}

// MustSubmit is Submit for those who want to see the answer.
func (o *Operator) MustSubmit(job *dialer.Job) queue.Result {
	o.TB.Helper()
	result, err := o.Client.Submit(o.TB.Context(), job)
	if err != nil {
		o.TB.Fatalf("submit: %v\n%s", err, o.Tell())
	}
	if result.Rejection != nil {
		o.TB.Fatalf("rejected: %v", result.Rejection.Faults)
	}
	return result
}

// Show returns one campaign.
func (o *Operator) Show(campaign string) *dialer.CampaignView {
	o.TB.Helper()
	view := new(dialer.CampaignView)
	if err := o.Client.Call(o.TB.Context(), queue.VerbCampaignShow, queue.CampaignRequest{Campaign: campaign}, view); err != nil {
		o.TB.Fatalf("show %s: %v\n%s", campaign, err, o.Tell())
	}
	return view
}

// Status returns how the daemon is.
func (o *Operator) Status() queue.Status {
	o.TB.Helper()
	var status queue.Status
	if err := o.Client.Call(o.TB.Context(), queue.VerbStatus, nil, &status); err != nil {
		o.TB.Fatalf("status: %v\n%s", err, o.Tell())
	}
	return status
}

// Mover moves the sandbox's time on.
type Mover func(span time.Duration)

// AdvanceEmbedded moves the time of a sandbox in the daemon's own process on.
func (o *Operator) AdvanceEmbedded(span time.Duration) {
	o.TB.Helper()
	if err := o.Client.Call(o.TB.Context(), queue.VerbSandboxClock, queue.SandboxClock{Advance: dialer.Duration(span)}, nil); err != nil {
		o.TB.Fatalf("move the clock: %v", err)
	}
}

// still is how long nothing has to move before time is let pass.
const still = 300 * time.Millisecond

// Close waits for campaigns to close, and holds their books against the
// equations all the while. Where they wait for nothing but time (a window that
// opens, a carrier to be asked again) it lets time pass.
func (o *Operator) Close(move Mover, campaigns ...string) []*dialer.CampaignView {
	o.TB.Helper()
	return o.Await(move, func(view *dialer.CampaignView) bool { return view.State == "closed" }, campaigns...)
}

// Await is Close for any other point that each campaign is to reach.
func (o *Operator) Await(move Mover, reached func(*dialer.CampaignView) bool, campaigns ...string) []*dialer.CampaignView {
	o.TB.Helper()
	var views []*dialer.CampaignView
	var last string
	moved, waited := time.Now(), time.Now()
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for ; ; <-ticker.C {
		views = views[:0]
		all, now := true, ""
		for _, campaign := range campaigns {
			view := o.Show(campaign)
			if !view.Balance.Balances {
				o.TB.Errorf("%s is %s, and its books do not balance: %s", view.ID, view.State, view.Balance.Fault)
			}
			views, all = append(views, view), all && reached(view)
			now += fmt.Sprint(view.State, view.Balance)
		}
		switch {
		case all:
			return views
		case now != last:
			last, moved, waited = now, time.Now(), time.Now()
		case time.Since(moved) > Limit:
			o.TB.Fatalf("%v have passed, and nothing moves any more: %s\n%s", Limit, now, o.Tell())
		case time.Since(waited) > still:
			move(time.Hour)
			waited = time.Now()
		}
	}
}
