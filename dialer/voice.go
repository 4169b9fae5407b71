package dialer

import (
	"context"
	"fmt"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// CallControl reaches into a call that is under way. That the call is over is not
// an error.
type CallControl interface {
	// HangUp ends the call.
	HangUp(ctx context.Context, sid string) error
	// Leave has the call say the script's voicemail, and end.
	Leave(ctx context.Context, sid string, script *Script) error
}

// Spoken is an answer by voice.
type Spoken struct {
	Language, Text string
	// Asks tells that a digit is waited for, which objects.
	Asks bool
}

// Keypress is a digit that somebody has pressed, in a call of ours or after they
// have rung us back.
type Keypress struct {
	// Attempt is whose call it was, 0 where they have rung us: then From is who.
	Attempt uint64
	From    contact.Number
	SID     string
	Digits  string
	// HeardAt is the real instant at which we heard of it.
	HeardAt time.Time
}

// Pressed takes in a digit. An objection is in effect when it returns, for texts and
// for calls, and only then is it confirmed. An error means that nobody knows: the
// carrier must tell us again.
func (d *Dialer) Pressed(ctx context.Context, key Keypress) (Spoken, error) {
	speech, _ := d.Pack().Speech()
	if key.Digits != ObjectDigit {
		return Spoken{Language: speech.Language, Text: speech.NotHeard, Asks: true}, nil
	}
	id, err := d.pressedBy(key)
	if err != nil {
		return Spoken{}, err
	}
	objection := ObjectionFrom(id, "call", d.clock.Now())
	objection.Reason, objection.Message, objection.HeardAt = "DIGIT", key.SID, key.HeardAt
	if _, err := d.Object(ctx, objection); err != nil {
		return Spoken{}, err
	}
	return Spoken{Language: speech.Language, Text: speech.Objected}, nil
}

func (d *Dialer) pressedBy(key Keypress) (id contact.ID, err error) {
	if key.Attempt == 0 {
		return d.identify(key.From), nil
	}
	err = d.ledger.View(func(tx Tx) error {
		if a := (books{tx}).attempt(key.Attempt); a != nil {
			id = a.contact
			return nil
		}
		return fmt.Errorf("a digit came for attempt %d, but there was no intent", key.Attempt)
	})
	if err != nil {
		return id, fmt.Errorf("look up who has pressed a digit: %w", err)
	}
	return id, nil
}

// Caller is somebody who rings one of our numbers.
type Caller struct {
	// From is who; none where they withhold it.
	From contact.Number
	// To is which of our senders they have rung.
	To string
}

// RungBack answers somebody who rings one of our numbers: who has called them and
// why, where the number came from, and how to object. A caller without a number
// hears how they can.
func (d *Dialer) RungBack(_ context.Context, caller Caller) (Spoken, error) {
	speech, speaks := d.Pack().Speech()
	switch {
	case !speaks:
		return Spoken{}, nil
	case caller.From.IsZero():
		return Spoken{Language: speech.Language, Text: speech.Withheld}, nil
	}
	id := d.identify(caller.From)
	d.log.Info().Str(FieldEvent, EventRungBack).Stringer(FieldContact, id).Send()
	spoken := Spoken{Language: speech.Language, Text: speech.Stranger, Asks: true}
	if c := d.lastReached(id, contact.Channel.IsVoice); c != nil {
		party, _ := d.registry.Party(c.job.Party)
		spoken.Text = speech.ToCaller(consent.CallerNames{Party: party.Name, Origin: c.job.Message.Elements[dataOrigin]})
	}
	return spoken, nil
}

// Detection is the carrier's verdict on who has answered a call.
type Detection struct {
	Attempt uint64
	SID     string
	// Machine tells that nobody was there, and Ready that its beep is over.
	Machine, Ready bool
}

// Detected takes in who has answered, and does what the campaign wants done with
// machines. A carrier that does not obey lets a machine hear the message: that is no
// reason to tell it again.
func (d *Dialer) Detected(ctx context.Context, detection Detection) error {
	status := StatusAnswered
	if detection.Machine {
		status = StatusAnsweredMachine
	}
	if err := d.Status(ctx, StatusUpdate{Attempt: detection.Attempt, SID: detection.SID, Status: status}); err != nil {
		return err
	}
	c, script, err := d.calling(detection.Attempt)
	if err != nil || c == nil || !detection.Machine || d.calls == nil {
		return err
	}
	switch c.job.Call.machine() {
	case MachineHangUp:
		err = d.calls.HangUp(ctx, detection.SID)
	case MachineVoicemail:
		if detection.Ready {
			err = d.calls.Leave(ctx, detection.SID, script)
		}
	case MachineAnswer:
	}
	if err != nil {
		d.log.Warn().Str(FieldEvent, EventCallControlFailed).Str(FieldSID, detection.SID).Err(err).Send()
	}
	return nil
}

// calling returns the campaign whose call the attempt is, and what it says; none
// where the attempt is no call, or its campaign does not fit the registry any more.
func (d *Dialer) calling(attempt uint64) (*campaign, *Script, error) {
	var record *campaignRecord
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		if a := b.attempt(attempt); a != nil {
			record, _ = b.campaign(a.recipient.campaign())
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("look up the campaign of a call: %w", err)
	}
	if record == nil || !record.Job.isCall() {
		return nil, nil, nil
	}
	c, faults := d.compile(record)
	if len(faults) > 0 {
		return nil, nil, nil
	}
	return c, c.job.script(d.registry, c.pack, ""), nil
}
