package rig

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// Ensure that a daemon whose whole ledger was put back, its mark with it, and
// that dies wherever it recognises that and reconciles, writes to nobody twice
// all the same, not even for a campaign that the copy never saw.
func TestFailpoints_Restored(t *testing.T) {
	t.Parallel()
	base := seed(t)
	replayable(t, base)
	v := newVillages(t, base)
	v.start()
	v.day("")
	v.rest()
	files := []string{"data/ledger.db", "data/ledger.mark"}
	before := v.take(files)
	v.start()
	v.day("")
	forgotten := v.next - 2
	v.rest()
	v.putBack(before)
	v.restored = true
	for _, point := range pointsOf(restoredSteps) {
		alive := v.launch(outpost.Launch{Environment: []string{fmt.Sprintf("%s=%s:1", settingFailpoint, point)}})
		if alive && !strings.HasPrefix(point, "restoreLedgerMove") {
			_, _ = v.reconcile() // it dies before the answer
		}
		if !outpost.Within(outpost.Limit, v.over) {
			t.Fatalf("%s: the point was never passed\n%s", point, v.Tell())
		}
		v.kill()
		v.mustBalance()
	}
	v.start()
	if _, err := v.reconcile(); err != nil {
		t.Fatalf("reconcile: %v\n%s", err, v.Tell())
	}
	v.daylight()
	v.offer(t.Context(), v.Client, order("party-a", fmt.Sprintf("a-%d", forgotten), 500), forgotten, 0)
	v.campaigns = v.known()
	r := v.finish()
	t.Logf("figures: %d deaths in a restored ledger, %d requests, %d created", v.kills, r.Requests, r.Created)
}

// rest stops the daemon well.
func (s *scene) rest() {
	s.t.Helper()
	s.there.Store(nil)
	if code := s.Stop(syscall.SIGTERM); code != 0 {
		s.t.Fatalf("exit code %d after SIGTERM\n%s", code, s.Tell())
	}
}

// take reads files of a daemon that does not run.
func (s *scene) take(names []string) map[string][]byte {
	s.t.Helper()
	files := map[string][]byte{}
	for _, name := range names {
		content, err := os.ReadFile(s.Path(name))
		if err != nil {
			s.t.Fatal(err)
		}
		files[name] = content
	}
	return files
}

// putBack puts them in the place of what came since.
func (s *scene) putBack(files map[string][]byte) {
	s.t.Helper()
	for name, content := range files {
		if err := os.WriteFile(s.Path(name), content, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// reconcile has the ledger brought level with what the carrier remembers.
func (s *scene) reconcile() (*dialer.Reconciled, error) {
	done := new(dialer.Reconciled)
	err := s.ask(s.t.Context(), func(ctx context.Context, client *queue.Client) error {
		return client.Task(ctx, queue.VerbStoreReconcile, queue.ReconcileRequest{Operator: "op-anne"}, nil, done)
	})
	return done, err
}
