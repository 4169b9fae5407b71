package consent

import (
	"fmt"
	"slices"
	"time"
)

// hoursRule is the hours by the recipient's clock, kind calling_window (E1).
// Only Canada's and Minnesota's are law; the others are the carriers' or the
// house's. With slot set it stands for the hours that the contact consented to.
//
// Rules: FR-CA1, FR-W1, FR-W4, EU-W1, US-ST2, US-W1, US-W2, UK-W1, CA-W1,
// CA-W2.
type hoursRule struct {
	Week []struct {
		Days  string `json:"days"`
		Hours []Slot `json:"hours"`
	} `json:"week"`

	week week
	slot bool
	// yields is set where a consented slot stands instead of this rule.
	yields bool
}

func (p *hoursRule) compile(*frame) error {
	for i, part := range p.Week {
		if len(part.Hours) == 0 || slices.ContainsFunc(part.Hours, Slot.IsZero) {
			return fmt.Errorf("week[%d].hours: want a list such as [10:00-13:00, 14:00-20:00]", i)
		}
		if err := p.week.add(part.Days, part.Hours); err != nil {
			return fmt.Errorf("week[%d]: %w", i, err)
		}
	}
	return filled("week", p.Week)
}

// consentedSlotRule: where the contact consented to calls in an hour slot, the
// slot stands instead of these rules, on any day (France: Code de la
// consommation art. D223-9, second paragraph, copied as a house rule).
//
// Rules: FR-W3.
type consentedSlotRule struct {
	InsteadOf []string `json:"instead_of"`
}

func (p *consentedSlotRule) compile(*frame) error { return filled("instead_of", p.InsteadOf) }

func callingWindow(q *question) bool { return wait(q, CallingWindow, q.rules.hours, inHours) }

func inHours(q *question, r *rule[hoursRule], t time.Time) time.Time {
	if r.p.slot {
		if !q.findBasis().recordedSlot {
			return t
		}
		slots := q.slots()
		return inWeek(q, &slots, t)
	}
	if r.p.yields && q.findBasis().slotted {
		return t
	}
	return inWeek(q, &r.p.week, t)
}

// inWeek is the first instant at which the week's hours hold in every zone
// that the contact may be in.
func inWeek(q *question, w *week, t time.Time) time.Time {
	for range maxRounds {
		moved := false
		for _, zone := range q.who.Zones {
			if w.holds(zone, t, q.c.Margin) {
				continue
			}
			if t = w.opens(zone, t, q.c.Margin); t.IsZero() {
				return t
			}
			moved = true
		}
		if !moved {
			return t
		}
	}
	return time.Time{}
}

// slots is the week in which the contact consented to be called: the hour
// slots of all grants that hold, every day; where none does, of those that hold
// but for an overlay.
func (q *question) slots() week {
	var spans []Slot
	slot := q.slotRule()
	held := q.findBasis().slotted
	for i := range q.who.Grants {
		g := &q.who.Grants[i]
		if g.GivenAt.After(q.at) || g.Slot.IsZero() {
			continue
		}
		if reason, _, recorded := q.filter(g, slot); reason == 0 || recorded && !held {
			spans = append(spans, g.Slot)
		}
	}
	slices.SortFunc(spans, func(a, b Slot) int { return int(a.Start - b.Start) })
	merged := spans[:0]
	for _, span := range spans {
		if n := len(merged); n > 0 && span.Start <= merged[n-1].End {
			merged[n-1].End = max(merged[n-1].End, span.End)
			continue
		}
		merged = append(merged, span)
	}
	var w week
	for day := range w {
		w[day] = merged
	}
	return w
}

// holidaysRule: days on which nobody is called (France: Code du travail art.
// L3133-1, on which D223-9 rests, copied as a house rule).
//
// Rules: FR-CA2, FR-W2.
type holidaysRule struct {
	// Fixed are dates of every year, such as 07-14.
	Fixed []string `json:"fixed"`
	// Easter are days after Easter Sunday.
	Easter []int `json:"easter"`

	// days are the holidays of all years of the pack's life, ascending, in
	// days since 1970-01-01.
	days []int64
	// yields is set where a consented slot stands instead of this rule.
	yields bool
}

func (p *holidaysRule) compile(f *frame) error {
	if n := len(p.Fixed) + len(p.Easter); n > 366 {
		return fmt.Errorf("fixed, easter: %d holidays are more than a year has days", n)
	}
	for i, after := range p.Easter {
		if after < -366 || after > 366 {
			return fmt.Errorf("easter[%d]: want days from Easter Sunday, such as 1", i)
		}
	}
	for year := f.from.Year() - 1; year <= f.to.Year()+1; year++ {
		for _, text := range p.Fixed {
			date, err := time.Parse("2006-01-02", fmt.Sprintf("%04d-%s", year, text))
			if err != nil {
				return fmt.Errorf("fixed: %q is not a date such as 07-14", text)
			}
			p.days = append(p.days, civilDay(date))
		}
		for _, after := range p.Easter {
			p.days = append(p.days, easter(year)+int64(after))
		}
	}
	slices.Sort(p.days)
	return filled("fixed, easter", p.days)
}

func (p *holidaysRule) has(day int64) bool {
	_, found := slices.BinarySearch(p.days, day)
	return found
}

func holidays(q *question) bool { return wait(q, CallingHoliday, q.rules.holidays, onWorkday) }

func onWorkday(q *question, r *rule[holidaysRule], t time.Time) time.Time {
	if r.p.yields && q.findBasis().slotted {
		return t
	}
	for moved := true; moved; {
		moved = false
		for _, zone := range q.who.Zones {
			day := dayOf(t.Add(q.c.Margin), zone)
			if !r.p.has(day) {
				day = dayOf(t, zone)
			}
			if r.p.has(day) {
				t, moved = startOfDay(zone, day+1), true
			}
		}
	}
	return t
}

// easter returns Easter Sunday of a year of the Gregorian calendar, in days
// since 1970-01-01 (the algorithm printed in Nature, 1876, by an anonymous
// correspondent).
func easter(year int) int64 {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	f := (b + 8) / 25
	g := (b - f + 1) / 3
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	sum := h + l - 7*m + 114
	return civilDay(time.Date(year, time.Month(sum/31), sum%31+1, 0, 0, 0, 0, time.UTC))
}
