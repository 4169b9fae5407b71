package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Span is a range of whole numbers from First to Last, both included. A Last of
// zero leaves it open; the zero value is every number.
type Span struct{ First, Last int }

// ParseSpan reads "7", "7-9" or "7-".
func ParseSpan(text string) (Span, error) {
	first, last, isRange := strings.Cut(strings.TrimSpace(text), "-")
	var span Span
	var err error
	if span.First, err = strconv.Atoi(strings.TrimSpace(first)); err != nil || span.First < 1 {
		return Span{}, fmt.Errorf("%q is no range such as 7, 7-9 or 7-", masked(text))
	}
	switch last = strings.TrimSpace(last); {
	case !isRange:
		span.Last = span.First
	case last != "":
		if span.Last, err = strconv.Atoi(last); err != nil || span.Last < span.First {
			return Span{}, fmt.Errorf("%q is no range: its end is no number from %d on", masked(text), span.First)
		}
	}
	return span, nil
}

// String is the inverse of ParseSpan; the zero value is empty.
func (span Span) String() string {
	switch {
	case span == Span{}:
		return ""
	case span.Last == 0:
		return fmt.Sprintf("%d-", span.First)
	case span.First == span.Last:
		return strconv.Itoa(span.First)
	}
	return fmt.Sprintf("%d-%d", span.First, span.Last)
}

func (span Span) contains(number int) bool {
	return number >= span.First && (span.Last == 0 || number <= span.Last)
}

// Rule has a fault happen to the requests that it matches, or to the callbacks of
// the messages that these made. What is unset matches everything.
type Rule struct {
	Fault Fault

	// Request numbers the create requests from 1 over the life of the log. For a
	// fault of lists it numbers the list and fetch requests of this process, for
	// inbound_lost the inbound texts.
	Request Span

	// To is the recipient; for a fault of lists the number that the list is
	// asked for, for inbound_lost the person who writes.
	To string

	// Nth numbers what is to the same To, from 1. It says nothing of lists.
	Nth Span

	// Probability with which the fault happens to what is matched; zero means 1.
	Probability float64
}

func (rule Rule) validate(field string) error {
	switch {
	case rule.Fault == FaultNone:
		return &invalid{field + ".fault", "is missing", "one of " + names(FaultNames())}
	case !slices.Contains(FaultNames(), rule.Fault):
		return &invalid{field + ".fault", fmt.Sprintf("unknown fault %q", masked(string(rule.Fault))), "one of " + names(FaultNames())}
	case rule.To != "" && !numberPattern.MatchString(rule.To):
		return &invalid{field + ".to", "is no number", "write it in its international form, in quotation marks"}
	case !(rule.Probability >= 0 && rule.Probability <= 1):
		return &invalid{field + ".probability", fmt.Sprintf("%v is outside 0..1", rule.Probability), ""}
	case rule.Nth != (Span{}) && slices.Contains(readFaults, rule.Fault):
		return &invalid{field + ".nth", "lists are not numbered by recipient", "use request"}
	}
	for at, span := range []Span{rule.Request, rule.Nth} {
		if span != (Span{}) && (span.First < 1 || span.Last != 0 && span.Last < span.First) {
			field += []string{".request", ".nth"}[at]
			return &invalid{field, fmt.Sprintf("%d to %d is no range", span.First, span.Last), "such as 7, 7-9 or 7-"}
		}
	}
	return nil
}

func (rule *Rule) matches(count arrival, to string) bool {
	return (rule.Request == Span{} || rule.Request.contains(count.number)) &&
		(rule.To == "" || rule.To == to) &&
		(rule.Nth == Span{} || rule.Nth.contains(count.nth))
}

func (rule *Rule) probability() float64 {
	if rule.Probability == 0 {
		return 1
	}
	return rule.Probability
}

// chanceFor returns the probability of a fault for a message or a text: that of the
// first rule for it that matches, or else the general one.
func (faults *Faults) chanceFor(fault Fault, playing *message) float64 {
	for at := range faults.Rules {
		if rule := &faults.Rules[at]; rule.Fault == fault && rule.matches(playing.arrival, playing.person()) {
			return rule.probability()
		}
	}
	return faults.Chance(fault)
}

// names lists faults or outages for people.
func names[Word ~string](kinds ...[]Word) string {
	var words []string
	for _, word := range slices.Concat(kinds...) {
		words = append(words, string(word))
	}
	return strings.Join(words, ", ")
}

// masked hides the digits of what may be a phone number, since what is wrong with
// a file of faults is told in places where no number may stand.
func masked(text string) string {
	digits := 0
	for _, char := range text {
		if '0' <= char && char <= '9' {
			digits++
		}
	}
	if digits < 6 {
		return text
	}
	return strings.Map(func(char rune) rune {
		if '0' <= char && char <= '9' {
			return '*'
		}
		return char
	}, text)
}
