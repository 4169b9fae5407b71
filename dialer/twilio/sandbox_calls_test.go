package twilio_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

func callTerms() *dialer.CallTerms {
	return &dialer.CallTerms{
		Script: &dialer.Script{
			Language: "fr-FR", Opening: "Bonjour, Parti des Tilleuls. Pour objecter, appuyez sur le 9.", Body: "Réunion publique à 20 h.",
			Voicemail: "Message de Parti des Tilleuls.",
		},
		Ring: 25 * time.Second, Talk: time.Minute, Machine: dialer.MachineHangUp,
	}
}

// certainly are calls that all go the same way.
func certainly(change func(*sandbox.CallShares)) sandbox.CallShares {
	shares := sandbox.CallShares{Failed: -1, Busy: -1, Declined: -1, NoAnswer: -1, Machine: -1, Objects: -1, Confused: -1, HangUp: -1}
	change(&shares)
	return shares
}

// Ensure that a call's whole life comes back from the sandbox: placed, told by signed
// callbacks to its attempt, found in both lists with its price.
func TestSandbox_Call(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		shares func(*sandbox.CallShares)
		ends   dialer.CarrierStatus
	}{
		"a person":  {func(*sandbox.CallShares) {}, dialer.StatusCompleted},
		"a machine": {func(s *sandbox.CallShares) { s.Machine = 1 }, dialer.StatusCompletedMachine},
		"busy":      {func(s *sandbox.CallShares) { s.Busy = 1 }, dialer.StatusBusy},
		"nobody":    {func(s *sandbox.CallShares) { s.NoAnswer = 1 }, dialer.StatusNoAnswer},
		"failed":    {func(s *sandbox.CallShares) { s.Failed = 1 }, dialer.StatusFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := mustExchangeOf(t, sandbox.Faults{}, patience, certainly(test.shares))
			start := x.carrier.Clock().Now()
			asked := request(t, 77, person)
			asked.From, asked.Call = caller, callTerms()
			answer := x.client.Place(t.Context(), asked)
			if answer.Kind != dialer.Accepted || !strings.HasPrefix(answer.SID, "CA") {
				t.Fatalf("got %+v", answer)
			}
			if known := x.untilFinal(t, 77, answer.SID); known != test.ends {
				t.Errorf("ended %s, want %s", known, test.ends)
			}
			found, err := x.client.Find(t.Context(), contact.Robocall, asked.To, start)
			if err != nil || len(found) != 1 || found[0].SID != answer.SID || found[0].Status != test.ends || !found[0].Call || found[0].Body != "" {
				t.Errorf("found %+v, %v", found, err)
			}
			var listed []dialer.Record
			for page, err := range x.client.Outbound(t.Context(), start) {
				if err != nil {
					t.Fatal(err)
				}
				listed = append(listed, page...)
			}
			if len(listed) != 1 || listed[0].SID != answer.SID || test.ends.Outcome().Reached() != (listed[0].Price > 0) {
				t.Errorf("listed %+v", listed)
			}
			if err := x.client.Cancel(t.Context(), answer.SID); err != nil {
				t.Errorf("cancelling what is over: %v", err)
			}
			if err := x.client.Forget(t.Context(), answer.SID); err != nil {
				t.Errorf("forget: %v", err)
			}
			if found, err := x.client.Find(t.Context(), contact.Robocall, asked.To, start); err != nil || len(found) != 0 {
				t.Errorf("after it was deleted: %+v, %v", found, err)
			}
		})
	}
}

// Ensure that digits arrive with the attempt that they are for, and that whoever
// presses them hears the answer.
func TestSandbox_Digits(t *testing.T) {
	t.Parallel()
	x := mustExchangeOf(t, sandbox.Faults{}, patience, certainly(func(s *sandbox.CallShares) { s.Confused = 1 }))
	if err := x.carrier.SetClockSpeed(50); err != nil { // a digit must not wait for the network
		t.Fatal(err)
	}
	asked := request(t, 78, person)
	asked.From, asked.Call = caller, callTerms()
	answer := x.client.Place(t.Context(), asked)
	for _, digit := range []string{"5", "9"} {
		if key := receive(t, x.keys); key.Attempt != 78 || key.SID != answer.SID || key.Digits != digit || key.HeardAt.IsZero() {
			t.Errorf("heard %+v, want %s", key, digit)
		}
	}
	if verdict := receive(t, x.verdicts); verdict.Attempt != 78 || verdict.Machine {
		t.Errorf("who has answered: %+v", verdict)
	}
	for known := dialer.StatusUnknown; !known.Final(); {
		known = known.Merge(receive(t, x.statuses).Status)
	}
	verdict, err := x.carrier.Verdict(sandbox.JudgeOptions{})
	if err != nil || verdict.OptOuts != 1 || verdict.Err() != nil {
		t.Errorf("%+v, %v", verdict, err)
	}
}

// Ensure that a machine can be hung up on, and left a text on.
func TestSandbox_Machine(t *testing.T) {
	t.Parallel()
	for _, policy := range []dialer.MachinePolicy{dialer.MachineHangUp, dialer.MachineVoicemail} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			x := mustExchangeOf(t, sandbox.Faults{}, patience, certainly(func(s *sandbox.CallShares) { s.Machine = 1 }))
			if err := x.carrier.SetClockSpeed(50); err != nil {
				t.Fatal(err)
			}
			asked := request(t, 79, person)
			asked.From, asked.Call = caller, callTerms()
			asked.Call.Machine = policy
			asked.Call.Script.Body = strings.Repeat("Encore une phrase que la machine n'entendra pas. ", 10)
			answer := x.client.Place(t.Context(), asked)
			verdict := receive(t, x.verdicts)
			if !verdict.Machine || verdict.Ready != (policy == dialer.MachineVoicemail) {
				t.Errorf("told %+v", verdict)
			}
			var err error
			if policy == dialer.MachineHangUp {
				err = x.client.HangUp(t.Context(), answer.SID)
			} else {
				err = x.client.Leave(t.Context(), answer.SID, asked.Call.Script)
			}
			if err != nil {
				t.Fatal(err)
			}
			for known := dialer.StatusUnknown; !known.Final(); {
				known = known.Merge(receive(t, x.statuses).Status)
			}
		})
	}
}

// Ensure that whoever rings back is heard with their number, and their digit too, and
// that a withheld number is none.
func TestSandbox_RingBack(t *testing.T) {
	t.Parallel()
	x := mustExchange(t, sandbox.Faults{}, patience)
	if _, err := x.carrier.RingBack(person, caller, "9"); err != nil {
		t.Fatal(err)
	}
	if who := receive(t, x.callers); who.From.E164() != person || who.To != caller {
		t.Errorf("called by %+v", who)
	}
	if key := receive(t, x.keys); key.Attempt != 0 || key.From.E164() != person || key.Digits != "9" {
		t.Errorf("pressed %+v", key)
	}
	if _, err := x.carrier.RingBack("", caller, ""); err != nil {
		t.Fatal(err)
	}
	if who := receive(t, x.callers); !who.From.IsZero() {
		t.Errorf("a withheld number is %s", fmt.Sprint(who.From))
	}
}
