package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store"
)

func fileThere(paths store.Paths, name string) bool {
	_, err := os.Stat(filepath.Join(paths.Keys, name))
	return err == nil
}

// untilRotating waits, without a rest, until the next key is there, and so long more,
// unless the rotation is over before.
func untilRotating(t *testing.T, paths store.Paths, more time.Duration) {
	t.Helper()
	var begun time.Time
	for asked := time.Now(); begun.IsZero() || time.Since(begun) < more; {
		if begun.IsZero() && fileThere(paths, "seal-next.key") {
			begun = time.Now()
		}
		if fileThere(paths, "seal-former.key") {
			return
		}
		if time.Since(asked) > limit {
			t.Fatal("no rotation begins")
		}
	}
}

// Ensure that a daemon that is killed again and again in the middle of rotations starts
// each time, with every number, and that nobody is dialled twice.
func TestDaemon_RotateKey_Killed(t *testing.T) {
	t.Parallel()
	o := newOutpost(t, 8, "--latency", "20ms", "--silent-fraction", "0", "--stop-fraction", "0")
	o.start()
	numbers := invent(1500)
	o.importPeople(numbers, "FR-75", "party-a")
	job := o.submit(orderFor("party-a", 1500))
	paths := store.PathsIn(o.path("data"))
	order := queue.KeyRequest{Operator: "op-anne", Reason: "a copy was found", Confirm: true}
	dropped := 0
	for round := range 6 {
		o.retire(true)
		if err := o.client.Call(t.Context(), queue.VerbKeyRotate, order, nil); err != nil {
			t.Fatal(err)
		}
		untilRotating(t, paths, time.Duration(round)*5*time.Millisecond)
		o.stop(syscall.SIGKILL)
		left := fileThere(paths, "seal-next.key")
		o.start()
		if fileThere(paths, "seal-next.key") {
			t.Error("the next key is still there after a start")
		}
		if left && !strings.Contains(o.tell(), eventKeySettled) {
			t.Errorf("round %d: nothing was settled\n%s", round, o.tell())
		}
		if strings.Contains(o.tell(), `"rotation":"dropped"`) {
			dropped++
		}
	}
	t.Logf("%d of 6 rotations had not happened", dropped)
	if dropped == 0 {
		t.Error("no rotation was killed early enough: the test shows nothing")
	}
	o.close(o.advance, job.ID)
	o.stop(syscall.SIGTERM)
	if verdict := judge(t, o.carrierLog(), nil); verdict.Created > 1500 || len(dialled(t, o.carrierLog())) < 1400 {
		t.Errorf("%d messages to %d people", verdict.Created, len(dialled(t, o.carrierLog())))
	}
	mustBeSound(t, o.path("data"))
}
