package dialer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// SegmentQuestion asks how many contacts a segment has and, where it names a
// party, how many of them that party may hope to reach.
type SegmentQuestion struct {
	Segment Segment         `json:"segment,omitempty"`
	Party   string          `json:"party,omitempty"`
	Channel contact.Channel `json:"channel,omitempty"`
	// Round is the round in which claims of other parties count.
	Round string `json:"round,omitempty"`
}

// SegmentCount is the answer. It is found in a fraction of a second, so that a
// segment can be tried out; what a campaign would come to, for which reasons, is
// the answer of a dry run.
type SegmentCount struct {
	// Contacts is how many the directory has, and Matching how many of them are
	// in the segment.
	Contacts uint64 `json:"contacts"`
	Matching uint64 `json:"matching"`
	// Reachable is how many of those in the segment have a line that the channel
	// reaches, a grant for the party and the channel, and neither objected since
	// nor are bound to another party in the round. It is an upper estimate: the
	// other rules, caps and reservations exclude more.
	Reachable *uint64 `json:"reachable_at_most,omitempty"`
	// AsOf is when objections and claims were read, some minutes ago at most.
	AsOf time.Time `json:"as_of,omitzero"`
}

// CountSegment counts by the directory's columns. What is wrong with the question
// comes back as faults.
func (d *Dialer) CountSegment(ctx context.Context, q SegmentQuestion) (SegmentCount, []Fault, error) {
	matcher, faults := q.Segment.compile(d.registry.Attributes)
	if faults = append(faults, q.validate(d.registry)...); len(faults) > 0 {
		return SegmentCount{}, faults, nil
	}
	if d.census == nil {
		return SegmentCount{}, nil, errNoCensus
	}
	for {
		edition := d.census.Edition()
		if edition == nil {
			return SegmentCount{}, nil, nil // nobody was imported yet
		}
		count, err := d.countIn(ctx, edition, matcher, &q)
		if err == nil || d.census.Edition() == edition || ctx.Err() != nil {
			return count, nil, err
		}
	}
}

func (q *SegmentQuestion) validate(registry *Registry) (faults []Fault) {
	say := func(field, hint, format string, values ...any) {
		faults = append(faults, Fault{Field: field, Reason: fmt.Sprintf(format, values...), Hint: hint})
	}
	if q.Party == "" {
		return nil
	}
	if _, known := registry.Party(q.Party); !known {
		say("party", "parties stand in the registry", "%q is not a registered party", q.Party)
	}
	if _, _, known := registry.Round(q.Round); !known {
		say("round", "rounds stand in the registry, under elections", "%q is not a registered round", q.Round)
	}
	if q.Channel == contact.AnyChannel {
		say("channel", "one of sms, live_call, predictive_call, robocall, ai_voice", "nobody consents to every channel")
	}
	return faults
}

func (d *Dialer) countIn(ctx context.Context, edition Edition, matcher matcher, q *SegmentQuestion) (SegmentCount, error) {
	all, err := edition.Select(nil, nil)
	if err != nil {
		return SegmentCount{}, fmt.Errorf("count all contacts: %w", err)
	}
	rows, err := edition.Select(matcher, nil)
	if err != nil {
		return SegmentCount{}, fmt.Errorf("count a segment: %w", err)
	}
	count := SegmentCount{Contacts: all.Count(), Matching: rows.Count()}
	if q.Party == "" {
		return count, nil
	}
	reach, err := d.reaches.of(ctx, d, edition, reachKey{q.Party, q.Channel, q.Round})
	if err != nil {
		return SegmentCount{}, fmt.Errorf("count whom %s may reach: %w", q.Party, err)
	}
	shared := rows.Shared(reach.rows)
	count.Reachable, count.AsOf = &shared, reach.asOf
	return count, nil
}

// errNoCensus is returned where the directory cannot be counted by columns.
var errNoCensus = errors.New("the directory does not count")
