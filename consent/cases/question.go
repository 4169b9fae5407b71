package cases

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

func (c *campaign) read(channel string) (*consent.Campaign, error) {
	out := &consent.Campaign{
		Party: c.Party, CallerID: c.CallerID, Attributes: c.Targeting.Attributes,
		Election:      consent.Election{ID: c.Election.ID, Kind: c.Election.Kind},
		Sponsor:       consent.Sponsor{EUEligible: c.Sponsor.EUEligible},
		Stats:         consent.Stats{AnsweredLive: c.Stats.AnsweredLive, Abandoned: c.Stats.Abandoned},
		FirstCallAt:   c.FirstCallAt,
		PackValidTo:   c.PackValidTo,
		Registrations: consent.Registrations{TCRUseCase: c.Registrations.TCRUseCase, CampaignVerify: c.Registrations.CampaignVerify},
	}
	out.Registrations.VoterContactRegistry = c.Registrations.VCR
	out.Registrations.SenderMissing = c.Registrations.SenderName != nil && !*c.Registrations.SenderName
	var err error
	if out.Channel, err = oneChannel(channel); err != nil {
		return nil, err
	}
	if out.Election.PollingDay, err = time.Parse(time.DateOnly, c.Election.PollingDay); err != nil {
		return nil, fmt.Errorf("election.polling_day: %w", err)
	}
	if out.Message.Elements, err = consent.ParseElements(c.Message.Elements); err != nil {
		return nil, fmt.Errorf("message.elements: %w", err)
	}
	if c.Message.Kind != "" {
		if err := out.Message.Kind.UnmarshalText([]byte(c.Message.Kind)); err != nil {
			return nil, fmt.Errorf("message.kind: %w", err)
		}
	}
	if c.Audience != "" {
		if err := out.Audience.UnmarshalText([]byte(c.Audience)); err != nil {
			return nil, err
		}
	}
	if c.Margin != "" {
		if out.Margin, err = time.ParseDuration(c.Margin); err != nil {
			return nil, fmt.Errorf("margin: %w", err)
		}
	}
	return out, nil
}

func (c *Case) person() (*consent.Person, error) {
	p := &consent.Person{
		BirthYear: c.Recipient.BirthYear, LIARef: c.Consent.LIARef, Erased: c.Consent.Erased, Review: c.Consent.Review,
		OptOutAt: c.History.OptOutAt, ConfirmationsSent: c.History.ConfirmationsSent, AbandonedAt: c.History.AbandonedAt,
		ClaimedBy: c.History.ClaimedBy, InFlight: c.History.InFlight,
	}
	if c.Consent.Basis != "" {
		if err := p.Basis.UnmarshalText([]byte(c.Consent.Basis)); err != nil {
			return nil, fmt.Errorf("consent: %w", err)
		}
	}
	if err := c.line(p); err != nil {
		return nil, err
	}
	p.Territory, _ = contact.FindTerritory(c.Recipient.Territory)
	p.Zones = zones(c.Recipient.Zone)
	if err := c.Consent.read(p); err != nil {
		return nil, fmt.Errorf("consent.%w", err)
	}
	if err := c.History.read(p); err != nil {
		return nil, fmt.Errorf("history.%w", err)
	}
	return p, nil
}

// zones are those in which the case's windows are reckoned (E1): none where the
// case names none, or none that anybody knows, which denies (E8).
func zones(name string) []*time.Location {
	if name == "" || name == "Local" { // the machine's own is nobody's
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return []*time.Location{zone}
}

// line fills in what import would know of the number (H-N1): E.164 is asked
// for, and nine digits after +33. Whether anybody's plan has the number is not
// asked, since ranges reserved for fiction are in no plan.
func (c *Case) line(p *consent.Person) error {
	text := c.Recipient.Number
	_, err := contact.ParseE164(text)
	p.NumberValid = err == nil && (!strings.HasPrefix(text, "+33") || len(text) == len("+")+11)
	switch name := c.History.Lookup.LineType; name {
	case "":
		if _, line, err := contact.Parse(text, ""); err == nil {
			p.LineType = line.Type
		}
	case "hospital_room", "emergency":
		p.LineType = contact.FixedOrMobile // more is not said
		if err := p.Protected.UnmarshalText([]byte(name)); err != nil {
			return fmt.Errorf("history.lookup: %w", err)
		}
	default:
		if p.LineType, err = contact.ParseLineType(name); err != nil {
			return fmt.Errorf("history.lookup: %w", err)
		}
	}
	return nil
}

func (r *record) read(p *consent.Person) error {
	for i, g := range r.Grants {
		channel, err := oneChannel(g.Channel)
		if err != nil {
			return fmt.Errorf("grants[%d]: %w", i, err)
		}
		slot, err := consent.ParseSlot(g.Window)
		if err != nil {
			return fmt.Errorf("grants[%d].window: %w", i, err)
		}
		p.Grants = append(p.Grants, consent.Grant{
			Channel: channel, Party: g.Party, Purpose: g.Purpose, GivenAt: g.GivenAt, CollectedFrom: g.CollectedFrom,
			Explicit: g.Explicit, Slot: slot, Version: uint32(i + 1),
		})
	}
	for i, w := range r.Withdrawals {
		channel, err := anyChannel(w.Channel)
		if err != nil {
			return fmt.Errorf("withdrawals[%d]: %w", i, err)
		}
		p.Withdrawals = append(p.Withdrawals, consent.Withdrawal{Channel: channel, Party: w.Party, At: w.At})
	}
	for i, o := range r.Objections {
		channel, err := anyChannel(o.Channel)
		if err != nil {
			return fmt.Errorf("objections[%d]: %w", i, err)
		}
		p.Objections = append(p.Objections, consent.Objection{Channel: channel, Party: o.Party, At: o.At})
	}
	return nil
}

func (h *history) read(p *consent.Person) error {
	for name, entry := range h.Lists {
		e := consent.ListEntry{Name: name, FileAt: entry.FileAt, Hit: entry.Hit, Since: entry.Since}
		if entry.Answer != "" {
			if err := e.Answer.UnmarshalText([]byte(entry.Answer)); err != nil {
				return fmt.Errorf("lists.%s: %w", name, err)
			}
		}
		p.Lists = append(p.Lists, e)
	}
	slices.SortFunc(p.Lists, func(a, b consent.ListEntry) int { return strings.Compare(a.Name, b.Name) })
	for i, a := range h.Attempts {
		channel, err := oneChannel(a.Channel)
		if err != nil {
			return fmt.Errorf("attempts[%d]: %w", i, err)
		}
		p.Attempts = append(p.Attempts, consent.PastAttempt{Party: a.Party, Channel: channel, At: a.At})
	}
	for _, r := range h.Refusals {
		p.Refusals = append(p.Refusals, consent.Refusal{Party: r.Party, At: r.At})
	}
	for _, l := range h.Locks {
		p.Locks = append(p.Locks, consent.Lock{Party: l.Party, Until: l.Until})
	}
	return nil
}

func anyChannel(name string) (contact.Channel, error) {
	if name == "*" {
		return contact.AnyChannel, nil
	}
	return oneChannel(name)
}

func oneChannel(name string) (contact.Channel, error) {
	channel, err := contact.ParseChannel(name)
	if err == nil && channel == contact.AnyChannel {
		err = fmt.Errorf("channel %q: want one channel", name)
	}
	return channel, err
}
