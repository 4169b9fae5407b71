package daemon

import (
	"io"
	"testing"
	"time"

	post "github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// operator is a person with dialctl before a daemon, wherever that runs.
type operator struct {
	t      *testing.T
	client *queue.Client
	// tell returns the end of the daemon's log, for failures.
	tell func() string
}

// person is the same one, as all tests of whole processes know them.
func (o *operator) person() *post.Operator {
	return &post.Operator{TB: o.t, Client: o.client, Tell: o.tell}
}

// upload imports files of the sample.
func (o *operator) upload(kind queue.IntakeKind, names ...string) {
	o.t.Helper()
	o.person().Upload(kind, names...)
}

func (o *operator) importFiles(kind queue.IntakeKind, names []string, files []io.Reader) queue.IntakeProgress {
	o.t.Helper()
	return o.person().ImportFiles(kind, names, files)
}

var invent = post.Invent

// importPeople enters the holders of the numbers, all of them consenting to
// texts of the parties.
func (o *operator) importPeople(numbers []string, territory string, parties ...string) {
	o.t.Helper()
	o.person().ImportPeople(numbers, territory, parties...)
}

func (o *operator) importPeopleAt(given time.Time, numbers []string, territory string, parties ...string) {
	o.t.Helper()
	o.person().ImportPeopleAt(given, numbers, territory, parties...)
}

// exampleFor is the example campaign of a party.
func exampleFor(party string) *dialer.Job {
	job, err := configs.ReadCampaign("../../../configs/campaigns/" + party + "-seniors.yaml")
	if err != nil {
		panic(err) // the file stands in the repository
	}
	return job
}

// orderFor is the same for everybody, as large as wanted.
func orderFor(party string, size int) *dialer.Job {
	job := exampleFor(party)
	job.ID, job.Size, job.Segment = party+"-everybody", size, nil
	return job
}

// submit has a job accepted.
func (o *operator) submit(job *dialer.Job) *dialer.Job {
	o.t.Helper()
	return o.person().Submit(job)
}

// mustSubmit is submit for those who want to see the answer.
func (o *operator) mustSubmit(job *dialer.Job) queue.Result {
	o.t.Helper()
	return o.person().MustSubmit(job)
}

func (o *operator) show(campaign string) *dialer.CampaignView {
	o.t.Helper()
	return o.person().Show(campaign)
}

func (o *operator) status() queue.Status {
	o.t.Helper()
	return o.person().Status()
}

// advance moves the embedded sandbox's time on.
func (o *operator) advance(span time.Duration) {
	o.t.Helper()
	o.person().AdvanceEmbedded(span)
}

// close waits for campaigns to close. Where they wait for nothing but time (a
// window that opens, a carrier to be asked again) it lets time pass.
func (o *operator) close(move post.Mover, campaigns ...string) []*dialer.CampaignView {
	o.t.Helper()
	return o.person().Close(move, campaigns...)
}
