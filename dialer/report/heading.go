package report

import (
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"
)

// Ending says how a campaign ended. It is part of every report because the promise depends on it.
type Ending string

// The endings. Held is told instead of the state in which the campaign closed, if the dialer held it at any time for a reason that
// depends on people: the state alone would hide what the promise needs.
const (
	EndingCompleted Ending = "completed" // every recipient came to an outcome or was excluded
	EndingTimeOver  Ending = "time_over" // the ordered end came first
	EndingCancelled Ending = "cancelled" // the party or an operator ended it
	EndingBudget    Ending = "budget"    // the money ran out
	EndingHeld      Ending = "held"      // the dialer held it: opt-out rate, carrier filtering, spend or content
)

// Endings returns all endings, in the order of the schema.
func Endings() []Ending {
	return []Ending{EndingCompleted, EndingTimeOver, EndingCancelled, EndingBudget, EndingHeld}
}

// DependsOnPeople reports whether what some people did can have decided how the campaign ended for others. The promise of epsilon
// does not cover such a report in full, and the report says so.
func (e Ending) DependsOnPeople() bool { return e == EndingBudget || e == EndingHeld }

// Heading says whose report it is, about what, and when. A party knows all of it, or may.
type Heading struct {
	Campaign  string // the campaign's ID
	Party     string // the party's ID
	PartyName string // as people write it
	Round     string // the round's ID: one polling day of an election
	Election  string // the election's name, as people write it
	Channel   string // sms, robocall, ai_voice, live_call or predictive_call
	Size      uint64 // ordered size, in contacts

	// StartedAt is when the campaign started; zero if it never did. ClosedAt is when it closed. Only their dates are shown, in the
	// locations that the values carry: give them in the campaign's own time zone.
	StartedAt, ClosedAt time.Time
	// ReleasedAt is when the report is released, on a daily grid that is the same for all campaigns. It is shown in UTC.
	ReleasedAt time.Time

	Ending  Ending
	KeyID   string // the key that signs the report, see [KeyID]
	Sandbox bool   // nobody was called: the carrier was a sandbox
}

// maximumText bounds each text of a heading, in bytes.
const maximumText = 200

// validate returns every fault of the heading, joined.
func (h Heading) validate() error {
	var faults []error
	fault := func(format string, values ...any) { faults = append(faults, fmt.Errorf(format, values...)) }

	for _, text := range []struct{ field, value string }{
		{"campaign", h.Campaign},
		{"party", h.Party},
		{"party name", h.PartyName},
		{"round", h.Round},
		{"election", h.Election},
	} {
		if err := validateText(text.value); err != nil {
			fault("%s: %w", text.field, err)
		}
	}
	if !slices.Contains(channels(), h.Channel) {
		fault("channel %q is none of %q", h.Channel, channels())
	}
	if !slices.Contains(Endings(), h.Ending) {
		fault("ending %q is none of %q", h.Ending, Endings())
	}
	if !validKeyID(h.KeyID) {
		fault("key id %q is not %d hexadecimal digits", h.KeyID, keyIDLength)
	}
	if h.Size < MinimumSize {
		fault("ordered size %d is under the minimum of %d", h.Size, MinimumSize)
	}
	if h.ClosedAt.IsZero() || h.ClosedAt.Before(h.StartedAt) {
		fault("closed at %s, started at %s", h.ClosedAt.Format(time.RFC3339), h.StartedAt.Format(time.RFC3339))
	}
	if h.ReleasedAt.Before(h.ClosedAt) {
		fault("released at %s, closed at %s", h.ReleasedAt.Format(time.RFC3339), h.ClosedAt.Format(time.RFC3339))
	}
	return errors.Join(faults...)
}

// validateText refuses what cannot stand in a table: nothing at all, too much, and characters that are not seen but change how
// others are (line breaks, controls, changes of direction).
func validateText(text string) error {
	switch {
	case text == "":
		return errors.New("is empty")
	case len(text) > maximumText:
		return fmt.Errorf("has %d bytes, over %d", len(text), maximumText)
	case !utf8.ValidString(text):
		return errors.New("is not UTF-8")
	}
	for _, char := range text {
		if !unicode.IsGraphic(char) {
			return fmt.Errorf("has the character %U", char)
		}
	}
	return nil
}
