package configs

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

var (
	// tokenPattern is what can be a token of a subject and part of a file name.
	tokenPattern    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	roundPattern    = regexp.MustCompile(`^[A-Z0-9][A-Z0-9-]{0,62}$`)
	currencyPattern = regexp.MustCompile(`^[A-Z]{3}$`)
	namedSender     = regexp.MustCompile(`^[A-Za-z0-9 ]{1,11}$`)
	shortCode       = regexp.MustCompile(`^[0-9]{3,8}$`)
	hasLetter       = regexp.MustCompile(`[A-Za-z]`)
)

// maxSegmentsPerSecond is far above what any carrier grants.
const maxSegmentsPerSecond = 10_000

func (f *registryFile) check(d *document) {
	f.checkParties(d)
	f.checkOperators(d)
	f.checkPools(d, f.checkSenders(d))
	f.checkElections(d)
	f.checkTariff(d)
	f.checkTrial(d)
	f.checkRecordings(d)
}

func (f *registryFile) checkParties(d *document) {
	seen := make(map[string]string)
	d.notEmpty("parties", len(f.Parties))
	for i, p := range f.Parties {
		at := fmt.Sprintf("parties[%d]", i)
		d.token(at+".id", p.ID, tokenPattern, "lower-case letters, digits and dashes, such as party-a")
		d.unique(seen, at+".id", p.ID)
		d.name(at+".name", p.Name)
		d.name(at+".sponsor.name", p.Sponsor.Name)
		if d.has(at + ".owner_group") {
			d.token(at+".owner_group", p.OwnerGroup, tokenPattern, "lower-case letters, digits and dashes")
		}
		if d.has(at + ".report_push") {
			f.checkPush(d, at+".report_push", p.ReportPush)
		}
	}
}

// checkPush checks where a party's reports go to: a server that is named twice, in
// two places, is no slip of the pen.
func (f *registryFile) checkPush(d *document, field, target string) {
	if !d.sound(field) || !d.address(field, target, "https") {
		return
	}
	if parsed, err := url.Parse(target); err == nil && !slices.Contains(f.PushHosts, parsed.Hostname()) {
		d.fault(field, "name it under push_hosts too, if it is the party's", "%q is no server that reports may be pushed to", parsed.Hostname())
	}
}

// checkSenders returns where each sender's ID stands.
func (f *registryFile) checkSenders(d *document) map[string]string {
	seen := make(map[string]string)
	var parties []string
	for _, p := range f.Parties {
		parties = append(parties, p.ID)
	}
	d.notEmpty("senders", len(f.Senders))
	for i, s := range f.Senders {
		at := fmt.Sprintf("senders[%d]", i)
		d.sender(at+".id", s.ID)
		d.unique(seen, at+".id", s.ID)
		d.notEmpty(at+".parties", len(s.Parties))
		for j, party := range s.Parties {
			if party != "" && !slices.Contains(parties, party) {
				d.fault(fmt.Sprintf("%s.parties[%d]", at, j), suggest(party, parties), "no party has the id %q", party)
			}
		}
		d.notEmpty(at+".channels", len(s.Channels))
		for j, channel := range s.Channels {
			if field := fmt.Sprintf("%s.channels[%d]", at, j); channel == contact.AnyChannel && !d.faulty(field) {
				d.fault(field, "list the channels that the carrier has granted", "a sender is not for any channel")
			}
		}
		s.checkRates(d, at)
	}
	return seen
}

// checkRates checks what the carrier grants. A sender is for texts or for calls: the
// two have limits of their own, and what contacts answer to them goes different ways.
func (s *senderEntry) checkRates(d *document, at string) {
	segments, calls, atOnce := at+".segments_per_second", at+".calls_per_second", at+".calls_in_progress"
	const contract = "the carrier's contract says how many"
	rate := func(field string, granted float64) {
		if d.sound(field) && !(granted > 0 && granted <= maxSegmentsPerSecond) {
			d.fault(field, contract, "%v is not above 0 and at most %d", granted, maxSegmentsPerSecond)
		}
	}
	rate(segments, s.SegmentsPerSecond)
	rate(calls, s.CallsPerSecond)
	rate(atOnce, float64(s.CallsInProgress))
	texts := slices.Contains(s.Channels, contact.SMS)
	switch rings := slices.ContainsFunc(s.Channels, contact.Channel.IsVoice); {
	case texts && rings && d.sound(at+".channels"):
		d.fault(at+".channels", "register two senders", "a sender is for texts or for calls")
	case rings:
		for _, field := range []string{calls, atOnce} {
			if !d.has(field) {
				d.missing(field)
			}
		}
		if d.sound(segments) {
			d.fault(segments, "calls_per_second says how many", "no texts come from a sender of calls")
		}
		if d.sound(at+".id") && !strings.HasPrefix(s.ID, "+") {
			d.fault(at+".id", "the number that a phone shows, such as \"+33162...\"", "calls come from a number")
		}
	case texts:
		if !d.has(segments) {
			d.missing(segments)
		}
		for _, field := range []string{calls, atOnce} {
			if d.sound(field) {
				d.fault(field, "segments_per_second says how many", "no calls come from a sender of texts")
			}
		}
	}
}

// sender checks that an ID is one that a phone can show.
func (d *document) sender(field, id string) {
	if !d.sound(field) {
		return
	}
	switch {
	case namedSender.MatchString(id) && hasLetter.MatchString(id) && strings.TrimSpace(id) == id, shortCode.MatchString(id):
		return
	case strings.HasPrefix(id, "+"):
		if _, err := contact.ParseE164(id); err == nil {
			return
		}
		d.fault(field, "", "this is no number in E.164")
	default:
		d.fault(field, "a name has at most 11 letters and digits, without accents; else a short code or a number of our own, in quotes",
			"%q cannot be shown as a sender", id)
	}
}

func (f *registryFile) checkElections(d *document) {
	elections, rounds := make(map[string]string), make(map[string]string)
	d.notEmpty("elections", len(f.Elections))
	for i, e := range f.Elections {
		at := fmt.Sprintf("elections[%d]", i)
		d.token(at+".id", e.ID, roundPattern, "capitals, digits and dashes, such as FR-PRES-2027")
		d.unique(elections, at+".id", e.ID)
		d.name(at+".name", e.Name)
		if d.sound(at+".kind") && !slices.Contains(consent.ElectionKinds(), e.Kind) {
			d.fault(at+".kind", suggest(e.Kind, consent.ElectionKinds()), "%q is no kind of election", e.Kind)
		}
		if len(e.Rounds) == 0 && d.sound(at+".rounds") {
			d.fault(at+".rounds", "add a round with its polling_day", "an election without a round has no silence to keep")
		}
		for j, round := range e.Rounds {
			field := fmt.Sprintf("%s.rounds[%d]", at, j)
			d.token(field+".id", round.ID, roundPattern, "capitals, digits and dashes, such as FR-PRES-2027-R1")
			d.unique(rounds, field+".id", round.ID)
			if j > 0 && !round.PollingDay.IsZero() && !round.PollingDay.After(e.Rounds[j-1].PollingDay.Time) {
				d.fault(field+".polling_day", "list the rounds in the order of their polling days",
					"does not come after the round before it")
			}
		}
	}
}

func (f *registryFile) checkTariff(d *document) {
	if d.has("tariff.currency") && !currencyPattern.MatchString(f.Tariff.Currency) {
		d.fault("tariff.currency", "such as EUR", "%q is no ISO 4217 code", f.Tariff.Currency)
	}
	if f.Tariff.Segment <= 0 && d.sound("tariff.segment") {
		d.fault("tariff.segment", "", "a price of 0 would let any budget last for ever")
	}
	if f.Tariff.Minute <= 0 && d.sound("tariff.minute") {
		d.fault("tariff.minute", "", "a price of 0 would let any budget last for ever")
	}
	if f.Tariff.OrderedContact <= 0 && d.sound("tariff.ordered_contact") {
		d.fault("tariff.ordered_contact", "", "a price of 0 would be a gift to the party")
	}
}

// mostRecorded is how long a recording may take, in seconds: no call lasts longer.
const mostRecorded = 180

func (f *registryFile) checkRecordings(d *document) {
	seen := make(map[string]string)
	for i, r := range f.Recordings {
		at := fmt.Sprintf("recordings[%d]", i)
		d.token(at+".id", r.ID, tokenPattern, "lower-case letters, digits and dashes, such as health-2027")
		d.unique(seen, at+".id", r.ID)
		if d.sound(at + ".url") {
			d.address(at+".url", r.URL, "https")
		}
		if d.sound(at+".seconds") && (r.Seconds < 1 || r.Seconds > mostRecorded) {
			d.fault(at+".seconds", "", "%d is not from 1 to %d", r.Seconds, mostRecorded)
		}
		if d.sound(at+".transcript") && strings.TrimSpace(r.Transcript) == "" {
			d.fault(at+".transcript", "what is said in it, to the letter", "is empty")
		}
	}
}

// faulty tells whether something is known to be wrong with the field already,
// so that one mistake is told once.
func (d *document) faulty(field string) bool {
	return slices.ContainsFunc(d.faults, func(f Fault) bool { return f.Field == field })
}

// sound tells whether the file says something about the field and nothing is
// known to be wrong with it.
func (d *document) sound(field string) bool { return d.has(field) && !d.faulty(field) }

func (d *document) notEmpty(field string, n int) {
	if n == 0 && d.sound(field) {
		d.fault(field, "", "the list is empty")
	}
}

func (d *document) token(field, text string, pattern *regexp.Regexp, hint string) {
	if d.sound(field) && !pattern.MatchString(text) {
		d.fault(field, hint, "%q cannot be an id", text)
	}
}

// maxName bounds a name in bytes; it is printed on reports.
const maxName = 200

func (d *document) name(field, text string) {
	if !d.sound(field) {
		return
	}
	if strings.TrimSpace(text) == "" || len(text) > maxName || strings.ContainsAny(text, "\n\r\t") {
		d.fault(field, "", "a name is one line of 1 to %d bytes", maxName)
	}
}

func (d *document) unique(seen map[string]string, field, text string) {
	if text == "" || d.faulty(field) {
		return
	}
	if first, taken := seen[text]; taken {
		d.fault(field, "", "%q is taken: see %s on line %d", text, first, d.markFor(first).line)
		return
	}
	seen[text] = field
}
