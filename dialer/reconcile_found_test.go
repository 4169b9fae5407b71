package dialer_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hustings/hustings/dialer"
)

// losing lets a test put a copy of the ledger back, and judges by the carrier's log.
func losing(t *testing.T, p plan, test func(l *loss)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p.witness = new(fakeWitness)
		l := &loss{house: newHouse(t, p), witness: p.witness.(*fakeWitness)}
		t.Cleanup(l.judgeLoss)
		test(l)
	})
}

// lose puts the copy in the ledger's place, and reconciles it.
func (l *loss) lose(yesterday copied) *dialer.Reconciled {
	l.t.Helper()
	l.putBack(yesterday, l.witness, true)
	l.run()
	l.await("dialling is halted", l.isHalted)
	return l.reconcile(dialer.ReconcileOrder{})
}

// Ensure that a trial whose release is not in the copy that was put back is over
// once a reconcile has found more attempts than it had room for, and that the
// campaign goes on after another release.
func TestReconcile_TrialReleasedSince(t *testing.T) {
	losing(t, plan{people: 60, rate: 10, inFlight: 2}, func(l *loss) {
		job := l.tried(10)
		l.run()
		l.await("the trial is over", func() bool { return strings.Contains(l.show(job.ID).Detail, "must release") })
		l.pass(time.Minute)
		yesterday := l.copy("backup", l.witness)
		l.give(job.ID, release)
		l.await("more than the trial are dialled", func() bool { return l.created() >= 30 })
		l.lose(yesterday)
		view, n := l.show(job.ID), l.created()
		if view.State != "trial" || view.Trial.Tried != 10 || !view.Trial.Over || view.Balance.Attempts != uint64(n) {
			t.Errorf("%s, trial %+v, %d attempts of %d created", view.State, view.Trial, view.Balance.Attempts, n)
		}
		l.give(job.ID, release)
		l.awaitState(job.ID, "closed")
		if n := l.created(); n != 60 {
			t.Errorf("%d were created, want each of 60 once", n)
		}
	})
}

// Ensure that a message whose code rules another try out is no more tried again where
// a reconcile finds it than where a callback tells of it, and that one which was
// filtered counts as such.
func TestReconcile_Effects(t *testing.T) {
	for name, test := range map[string]struct {
		code     int
		effect   dialer.Effect
		filtered uint64
	}{
		"unreachable": {21614, dialer.EffectUnreachable, 0},
		"filtered":    {30007, dialer.EffectFiltered, 3},
	} {
		t.Run(name, func(t *testing.T) {
			losing(t, plan{people: 4, speed: 60, rate: 0.01, inFlight: 1, steps: 2}, func(l *loss) {
				job := l.job("first", "party-a")
				job.Retry = dialer.JobRetry{Maximum: 1, After: dialer.Duration(30 * time.Hour), On: []string{"undelivered"}}
				job.Schedule.End = l.clock.Now().Add(5 * 24 * time.Hour)
				l.carrier.answers(func(number int, _ dialer.Request) reply {
					if number == 1 {
						return delivered()
					}
					return endsWith(test.code, test.effect)
				})
				l.accept(job)
				l.run()
				l.await("one is reached", func() bool { return l.show(job.ID).Balance.Final["delivered"] == 1 })
				yesterday := l.copy("backup", l.witness)
				l.awaitState(job.ID, "closed")
				l.lose(yesterday)
				b := l.show(job.ID).Balance
				if b.Filtered != test.filtered || b.Final["undelivered"] != 3 {
					t.Errorf("want 3 undelivered and %d filtered: %+v", test.filtered, b)
				}
			})
		})
	}
}

// planned is a job that is planned now and waits, so that it has dialled nobody when
// its ledger is lost.
func (l *loss) planned(id, party string) *dialer.Job {
	l.t.Helper()
	job := l.job(id, party)
	job.Schedule.Start = l.clock.Now().Add(8 * 24 * time.Hour)
	l.accept(job)
	return job
}

// Ensure that a party keeps for the round whom a campaign of its own has reached
// which only the carrier knew of, although the plan that had claimed them is given
// up (I3).
func TestReconcile_ReachedByTheParty(t *testing.T) {
	losing(t, plan{people: 4, speed: 600, rate: 1, inFlight: 2}, func(l *loss) {
		first := l.planned("first", "party-a")
		l.run()
		l.awaitState(first.ID, "ready")
		yesterday := l.copy("backup", l.witness)
		second := l.accept(l.job("second", "party-a"))
		l.awaitState(second.ID, "closed")
		if done := l.lose(yesterday); done.Foreign != 4 {
			t.Fatalf("reconciled: %+v", done)
		}
		l.give(first.ID, cancel)
		l.awaitState(first.ID, "closed")
		other := l.planned("third", "party-b")
		if b := l.awaitState(other.ID, "ready").Balance; b.ExcludedAtPlanning["CLAIMED"] != 4 {
			t.Errorf("the other party's plan: %+v", b)
		}
	})
}

// Ensure that a plan gives way where another party has reached its contacts by
// messages that only the carrier knew of, since the plan was given up after the
// copy (I3).
func TestReconcile_ReachedByAnother(t *testing.T) {
	losing(t, plan{people: 4, speed: 600, rate: 1, inFlight: 2}, func(l *loss) {
		first := l.planned("first", "party-a")
		l.run()
		l.awaitState(first.ID, "ready")
		yesterday := l.copy("backup", l.witness)
		l.give(first.ID, cancel)
		l.awaitState(first.ID, "closed")
		other := l.accept(l.job("third", "party-b"))
		l.awaitState(other.ID, "closed")
		if done := l.lose(yesterday); done.Foreign != 4 {
			t.Fatalf("reconciled: %+v", done)
		}
		l.pass(25 * time.Minute) // past the first one's start
		if b := l.awaitState(first.ID, "closed").Balance; b.ExcludedLater["CLAIMED"] != 4 || l.created() != 4 {
			t.Errorf("%d were created, and the first party's campaign has %+v", l.created(), b)
		}
	})
}

// Ensure that what a reconcile enters counts for the day on which it was sent, be it
// of a campaign of the copy or of none, so that a party's day costs no more than the
// registry says (I7).
func TestReconcile_PartyDay(t *testing.T) {
	for name, foreign := range map[string]bool{"of a campaign": false, "foreign": true} {
		t.Run(name, func(t *testing.T) {
			losing(t, plan{people: 120, speed: 60, rate: 1, inFlight: 2}, func(l *loss) {
				first, second := l.job("first", "party-a"), l.job("second", "party-a")
				l.registry.Tariff.PartyDay = 20 * l.price(first)
				l.accept(first)
				l.run()
				l.await("some are dialled", func() bool { return l.created() >= 2 })
				l.give(first.ID, pause)
				l.pass(time.Second)
				yesterday := l.copy("backup", l.witness)
				if foreign {
					l.accept(second)
					l.await("a part of the day is spent", func() bool { return l.created() >= 10 })
				} else {
					l.give(first.ID, resume)
					l.await("the day is spent", func() bool { return l.created() == 20 })
				}
				l.pass(time.Second)
				done := l.lose(yesterday)
				if foreign != (done.Foreign > 0) || foreign != (done.Marked == 0) {
					t.Errorf("reconciled: %+v", done)
				}
				l.give(first.ID, resume)
				l.pass(3 * time.Minute)
				if n := l.created(); n != 20 {
					t.Errorf("%d were created on a day that pays for 20", n)
				}
			})
		})
	}
}
