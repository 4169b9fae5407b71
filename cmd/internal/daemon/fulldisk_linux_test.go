package daemon

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	post "github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store/storetest"
)

// onSmallDisk puts the daemon's data on a disk of so many bytes, and adds to its
// configuration.
func (o *outpost) onSmallDisk(size int, more string) {
	o.t.Helper()
	if err := os.Symlink(storetest.SmallDisk(o.t, size), o.path("data")); err != nil {
		o.t.Fatal(err)
	}
	config, err := os.ReadFile(o.path("dialerd.yaml"))
	if err != nil {
		o.t.Fatal(err)
	}
	o.post.Write("dialerd.yaml", string(config)+more)
}

// fillDisk takes up what is free on the data's disk but for so many bytes.
func (o *outpost) fillDisk(but uint64) {
	o.t.Helper()
	hog, err := os.OpenFile(o.path("data/hog"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = hog.Close() }()
	for {
		free, _, err := freeSpace(o.path("data"))
		if err != nil {
			o.t.Fatal(err)
		}
		if free <= but {
			return
		}
		if _, err := hog.Write(make([]byte, min(64<<10, free-but))); err != nil {
			return // the daemon was faster
		}
	}
}

func (o *outpost) freeDisk() {
	o.t.Helper()
	if err := os.Remove(o.path("data/hog")); err != nil {
		o.t.Fatal(err)
	}
}

// giveBack frees a part of what was taken, and never more on the way.
func (o *outpost) giveBack(part int64) {
	o.t.Helper()
	hog, err := os.Stat(o.path("data/hog"))
	if err == nil {
		err = os.Truncate(o.path("data/hog"), hog.Size()-part)
	}
	if err != nil {
		o.t.Fatal(err)
	}
}

// startUnfit starts a daemon that can only linger, and puts the operator before
// it where NATS has come up. It tells whether that is so.
func (o *outpost) startUnfit() bool {
	o.t.Helper()
	if err := o.post.Launch(post.Launch{Mark: eventLingering}); err != nil {
		o.t.Fatal(err)
	}
	o.tell = o.post.Tell
	for line := range strings.Lines(o.post.Player().Said()) {
		var told struct{ Event, URL string }
		if json.Unmarshal([]byte(line), &told) == nil && told.Event == "queue.service_started" {
			client, err := queue.Dial(queue.ClientOptions{URL: told.URL, DataDirectory: o.path("data")})
			if err != nil {
				o.t.Fatal(err)
			}
			o.client = client
			o.t.Cleanup(client.Close)
			return true
		}
	}
	return false
}

// stopByText has somebody send a STOP, and waits until the carrier was told that
// it was heard.
func (o *outpost) stopByText(number string) {
	o.t.Helper()
	o.reply(number, "TILLEULS", "STOP")
	eventually(o.t, "the STOP is acknowledged", func() bool {
		return slices.ContainsFunc(readCarrier(o.t, o.carrierLog()), func(r sandbox.Record) bool {
			return r.Kind == sandbox.KindInboundAnswered && r.From == number && r.HTTP/100 == 2
		})
	})
}

// stopByOperator has an operator enter somebody's objection.
func (o *outpost) stopByOperator(number string) {
	o.t.Helper()
	answer, err := o.client.OptOut(o.t.Context(), queue.OptOut{Number: number, Way: "phone", Operator: "op-anne"})
	if err != nil || answer.Effect != string(dialer.Effective) {
		o.t.Fatalf("an opt-out: %+v, %v\n%s", answer, err, o.tell())
	}
}

// notDialled returns who has neither been dialled so far nor objected. A daemon
// that finds room for an intent before it lingers may dial, so each of its lives
// asks anew.
func (o *outpost) notDialled(numbers, stopped []string) []string {
	o.t.Helper()
	known := dialled(o.t, o.carrierLog())
	left := slices.DeleteFunc(slices.Clone(numbers), func(number string) bool {
		return known[number] || slices.Contains(stopped, number)
	})
	if len(left) < 100 {
		o.t.Fatal("nearly everybody was dialled before the disk was full: the test shows nothing")
	}
	return left
}

// stopTwo has two people object, one by text and one through an operator, and
// returns all who have.
func (o *outpost) stopTwo(stopped, numbers []string) []string {
	o.t.Helper()
	left := o.notDialled(numbers, stopped)
	o.stopByText(left[0])
	o.stopByOperator(left[1])
	return append(stopped, left[:2]...)
}

// mustRefuseAllElse asks a daemon that lingers for anything but an opt-out.
func (o *outpost) mustRefuseAllElse() {
	o.t.Helper()
	status := o.status()
	if status.Ready || !strings.Contains(strings.Join(status.Waiting, "\n"), "opt-outs alone") {
		o.t.Errorf("ready %v, waiting for %q", status.Ready, status.Waiting)
	}
	for _, verb := range []queue.Verb{queue.VerbCampaignList, queue.VerbReportList, queue.VerbIntakeStatus} {
		err := o.client.Call(o.t.Context(), verb, nil, nil)
		if queue.CodeOf(err) != queue.CodeBusy || queue.HintOf(err) == "" {
			o.t.Errorf("%s: %v", verb, err)
		}
	}
}

// mustNotHaveDialled holds the carrier's log against how many requests had begun
// when the daemon began to linger.
func (o *outpost) mustNotHaveDialled(begun int) {
	o.t.Helper()
	if n := requests(o.t, o.carrierLog()); n != begun {
		o.t.Errorf("%d requests began while the daemon lingered", n-begun)
	}
}

// Ensure that opt-outs are taken at practically any moment while the disk is
// full, by text and by operators, through one life of the daemon and the next;
// that each life ends by itself with the code for a restart; and that nobody is
// dialled who said no meanwhile (I1, I13, I16, I17).
func TestDaemon_DiskFull(t *testing.T) {
	t.Parallel()
	o := newOutpost(t, 8, "--latency", "40ms", "--silent-fraction", "0", "--stop-fraction", "0")
	o.onSmallDisk(96<<20, "store: {minimum_free: 0}\n")
	o.start()
	numbers := invent(900)
	o.importPeople(numbers, "FR-75", "party-a")
	job := o.submit(orderFor("party-a", 900))
	eventually(t, "dialling is under way", func() bool { return requests(t, o.carrierLog()) > 100 })
	o.fillDisk(0)
	eventually(t, "the daemon lingers", func() bool { return strings.Contains(o.post.Player().Said(), eventLingering) })
	since := time.Now()
	begun := atRest(t, o.carrierLog())
	var stopped []string
	stopped = o.stopTwo(stopped, numbers)
	o.mustRefuseAllElse()
	select {
	case <-o.post.Player().Over():
	case <-time.After(limit):
		t.Fatalf("the daemon is still there\n%s", o.tell())
	}
	if code, took := o.post.Player().ExitCode(), time.Since(since); code != exitFailed || took < lingerFor/2 {
		t.Errorf("exit code %d after %s", code, took)
	}
	o.mustNotHaveDialled(begun)

	o.fillDisk(0)
	if !o.startUnfit() {
		t.Fatalf("no NATS\n%s", o.tell())
	}
	begun = atRest(t, o.carrierLog()) // before it lingered it may have found room for an intent
	stopped = o.stopTwo(stopped, numbers)
	o.mustRefuseAllElse()
	if code := o.stop(syscall.SIGTERM); code != exitFailed {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	o.mustNotHaveDialled(begun)

	// Where not even NATS can start, texts are heard.
	if err := os.RemoveAll(o.path("data/nats")); err != nil {
		t.Fatal(err)
	}
	o.fillDisk(0)
	if o.startUnfit() {
		t.Error("NATS could start: the test shows nothing")
	}
	begun = atRest(t, o.carrierLog())
	last := o.notDialled(numbers, stopped)[0]
	o.stopByText(last)
	stopped = append(stopped, last)
	if code := o.stop(syscall.SIGTERM); code != exitFailed {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	o.mustNotHaveDialled(begun)

	o.freeDisk()
	o.start()
	view := o.close(o.advance, job.ID)[0]
	if code := o.stop(syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d\n%s", code, o.tell())
	}
	judge(t, o.carrierLog(), nil)
	everybody := dialled(t, o.carrierLog())
	for i, number := range stopped {
		if everybody[number] {
			t.Errorf("number %d was dialled after the opt-out was acknowledged", i)
		}
	}
	if len(everybody) < 800 || view.Ending != "completed" {
		t.Errorf("%d were dialled; the campaign ended as %q", len(everybody), view.Ending)
	}
	mustBeSound(t, o.path("data"))
}

// halted tells whether the daemon says that the disk halts it.
func (o *outpost) halted() bool {
	o.t.Helper()
	return strings.Contains(strings.Join(o.status().Waiting, "\n"), "store.minimum_free")
}

// Ensure that dialling stops long before the disk is full, that statuses and
// objections are written all the same, and that it goes on by itself, but not
// before there is clearly more space than the minimum (I16, I17).
func TestDaemon_DiskNearlyFull(t *testing.T) {
	t.Parallel()
	const mebibyte = 1 << 20
	o := newOutpost(t, 8, "--latency", "20ms", "--silent-fraction", "0", "--stop-fraction", "0")
	o.onSmallDisk(96*mebibyte, "store: {minimum_free: 16MiB}\n")
	o.start()
	numbers := invent(900)
	o.importPeople(numbers, "FR-75", "party-a")
	job := o.submit(orderFor("party-a", 900))
	eventually(t, "dialling is under way", func() bool { return requests(t, o.carrierLog()) > 100 })
	o.fillDisk(12 * mebibyte)
	eventually(t, "the daemon is halted", o.halted)
	eventually(t, "every message has its status", func() bool {
		b := o.show(job.ID).Balance
		return b.Intended+b.Placed+b.InDoubt == 0
	})
	begun, known := atRest(t, o.carrierLog()), dialled(t, o.carrierLog())
	alone := slices.DeleteFunc(slices.Clone(numbers), func(number string) bool { return known[number] })
	if len(alone) < 100 {
		t.Fatal("nearly everybody was dialled before the halt: the test shows nothing")
	}
	o.stopByText(alone[0])
	o.stopByOperator(alone[1])

	o.giveBack(6 * mebibyte) // above the minimum, below the margin
	steadily(t, 2500*time.Millisecond, "the daemon is halted and begins no request", func() bool {
		return o.halted() && requests(t, o.carrierLog()) == begun
	})
	o.freeDisk()
	view := o.close(o.advance, job.ID)[0]
	if code := o.stop(syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d\n%s", code, o.tell())
	}
	judge(t, o.carrierLog(), nil)
	everybody := dialled(t, o.carrierLog())
	if everybody[alone[0]] || everybody[alone[1]] || len(everybody) != 898 || view.Ending != "completed" {
		t.Errorf("%d were dialled; the campaign ended as %q", len(everybody), view.Ending)
	}
}
