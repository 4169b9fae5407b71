package consent

import (
	"fmt"
	"strings"
	"time"
)

// What each kind of rule asks for, in words that a lawyer can read without this
// code: Rule.Value.

func list[T any](items []T) string {
	texts := make([]string, len(items))
	for i := range items {
		texts[i] = fmt.Sprint(items[i])
	}
	return strings.Join(texts, ", ")
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// also joins the parts that are not empty.
func also(parts ...string) string {
	var said []string
	for _, part := range parts {
		if part != "" {
			said = append(said, part)
		}
	}
	return strings.Join(said, "; ")
}

func when(holds bool, text string) string {
	if holds {
		return text
	}
	return ""
}

// String writes a period as packs do.
func (p period) String() string {
	d := time.Duration(p)
	switch {
	case d%(24*time.Hour) == 0 && d > 7*24*time.Hour:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	default:
		return d.String()
	}
}

func (p *sponsorResidencyRule) words() string {
	return "only sponsors who may pay in the Union, in the " + count(p.Months, "month") + " before the poll"
}

func (p *channelBanPeriodRule) words() string {
	return "closed to campaigns in the " + count(p.Months, "month") + " before the poll"
}

func (p *senderRegistrationRule) words() string {
	return also("the sender or campaign stands in: "+list(p.Needs), when(p.Grace > 0, p.Grace.String()+" after the first call at the latest"),
		when(len(p.Elections) > 0, "elections: "+list(p.Elections)))
}

func (p *specialCategoryBanRule) words() string {
	return also("nobody is selected by "+list(p.Attributes), when(len(p.Proxies) > 0, "nor by what stands in for them: "+list(p.Proxies)))
}

func (p *attributeAllowListRule) words() string {
	return "only these select people: " + list(p.Attributes)
}

func (p *messageMustContainRule) words() string { return "the message contains " + list(p.Elements) }

func (p *messageMustNotContainRule) words() string {
	return also("the message does not contain "+list(p.Elements), when(p.Region != "", "numbers are read as in "+p.Region),
		when(p.MonthsBeforeElectionMonth > 0, "from "+count(p.MonthsBeforeElectionMonth, "month")+" before the month of the poll"))
}

func (p *callerIDRule) words() string {
	return also(when(p.Shown, "the caller's number is not withheld"), when(len(p.Prefixes) > 0, "numbers that begin with "+list(p.Prefixes)),
		when(len(p.Senders) > 0, "senders: "+list(p.Senders)))
}

func (p *abandonmentRule) words() string {
	return fmt.Sprintf("halts above %.1f per cent of calls answered without a caller, over %s; a caller within %s", p.MaxPercent, count(p.Days, "day"), p.ConnectWithin)
}

func (p *knownTerritoryRule) words() string { return "only in " + list(p.Territories) }

func (p *lineTypeRule) words() string { return "only to lines: " + list(p.Allow) }

func (p *protectedLineRule) words() string {
	return also(when(len(p.Always) > 0, "never to lines: "+list(p.Always)), when(len(p.WithoutConsent) > 0, "only with consent to lines: "+list(p.WithoutConsent)))
}

func (p *erasureRule) words() string {
	return "after erasure a " + p.Keep + " stays in the list of opt-outs, and nothing else"
}

func (p *minimumAgeRule) words() string {
	on := map[string]string{"polling_day": "on polling day", "decision": "at the decision"}[p.On]
	unknown := map[string]string{"denies": "an unknown age denies, and the age must be sure", "allows": "an unknown age allows, and only who is surely younger is denied"}
	return also(count(p.Years, "year")+" "+on, unknown[p.Unknown])
}

func (p *optOutRule) words() string {
	if p.party {
		return "an objection binds the party that it was told (scope: party)"
	}
	return "an objection binds the broker, for every party (scope: broker)"
}

func (p *optOutConfirmationRule) words() string {
	return fmt.Sprintf("an opt-out is confirmed within %s, %s at most: %q", p.Within, count(p.Most, "time"), p.Text)
}

func (p *suppressionListRule) words() string {
	if !p.applied() {
		return fmt.Sprintf("list %q is not applied (see the source)", p.Name)
	}
	return also(fmt.Sprintf("nobody on list %q, which holds %s", p.Name, p.Holds), fmt.Sprintf("at most %s old, else everybody waits (%s)", p.MaxAge, p.OnStale),
		when(p.UnlessGrant, "not looked into where a consent allows it"))
}

func (p *reassignedNumbersRule) words() string {
	return fmt.Sprintf("before a consent is relied on, list %q says that the number was not given to somebody else; no answer waits", p.Name)
}

func (p *lawfulBasisRule) words() string {
	return also("on the ground of "+strings.Join(strings.Split(list(p.Allowed), ", "), " or "), when(p.Slot, "the consent names an hour slot"),
		when(len(p.NoneForLines) > 0, "none is needed for lines: "+list(p.NoneForLines)))
}

func (p *consentMaxAgeRule) words() string {
	return "consent wears out after " + count(p.Years, "year")
}

func (*directCollectionRule) words() string {
	return "only consent that the contact gave to us themselves"
}

func (*explicitSeparateRule) words() string {
	return "only consent that was asked for apart from all else"
}

func (p *subscriberExemptionRule) words() string {
	return "own members and subscribers, where nothing further selects them, are exempt from " + list(p.Rules)
}

func (p *blackoutRule) words() string {
	which := map[string]string{"own": "before the campaign's own poll", "calendar": "before every poll of the calendar"}[p.Polls]
	return also("silence from midnight, "+count(p.DaysBefore, "day")+" "+which+", to the end of polling day",
		when(p.EndNotBefore != "", "not before "+p.EndNotBefore+" in "+p.EndZone), when(p.EndForce != "", "force of the end: "+p.EndForce))
}

func (p *earlyPollRule) words() string {
	return also("people vote "+count(p.Days, "day")+" earlier", "elections: "+list(p.Kinds), "territories: "+list(p.Territories))
}

func (p *votingPlaceRule) words() string {
	return "polls are counted by the clocks of the place of " + p.Place
}

func (p *campaignPeriodRule) words() string {
	return "only in the " + count(p.Days, "day") + " that end at midnight, " + count(p.EndsBefore, "day") + " before the poll"
}

func (p *holidaysRule) words() string {
	return also("not on "+list(p.Fixed), when(len(p.Easter) > 0, "nor so many days after Easter Sunday: "+list(p.Easter)))
}

func (p *hoursRule) words() string {
	var parts []string
	for _, part := range p.Week {
		parts = append(parts, part.Days+" "+list(part.Hours))
	}
	return also(append(parts, "by the contact's clock")...)
}

func (p *consentedSlotRule) words() string {
	return "the hour slot that the contact agreed to, on any day, stands instead of " + list(p.InsteadOf)
}

func (p *cooldownRule) words() string {
	return "not in the " + count(p.Days, "day") + " after the contact refused the party"
}

func (p *abandonedRecontactRule) words() string {
	return "no predictive call within " + p.After.String() + " after one that found no caller"
}

func (p *frequencyCapRule) words() string {
	by := map[bool]string{true: "by the party (scope: party)", false: "by anybody (scope: broker)"}[p.party]
	return also(fmt.Sprintf("%s on %s, today included, %s", count(p.Attempts, "attempt"), count(p.Days, "local day"), by),
		when(len(p.Counts) > 0, "of the channels "+list(p.Counts)), when(p.WithoutGrant, "without consent"), when(len(p.Lines) > 0, "to lines: "+list(p.Lines)))
}

func (*exclusivityRule) words() string { return "a reserved segment waits for its parties" }

func (p *stopKeywordsRule) words() string {
	return also("objection, alone or first of at most three words: "+list(p.Keywords), when(len(p.Phrases) > 0, "objection anywhere: "+list(p.Phrases)),
		when(len(p.Ambiguous) > 0, "a person reads texts with "+list(p.Ambiguous)), when(len(p.OptIn) > 0, "asks to hear from us, which is no consent: "+list(p.OptIn)),
		when(len(p.Help) > 0, "asks for help: "+list(p.Help)), when(p.HelpAnswer != "", fmt.Sprintf("help is answered %q", p.HelpAnswer)))
}

func (p *recordRule) words() string { return also(p.What, when(p.Keep != "", "kept "+p.Keep), p.Note) }
