package daemon

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/intake"
)

// optOutChunk is how many objections are made effective at a time: enough that writing
// them costs little each, and few enough that nobody waits for the ledger meanwhile.
const optOutChunk = 4000

// The columns of a list of opt-outs.
const (
	optOutNumber = iota
	optOutReceivedAt
	optOutReason
	optOutWay
	optOutChannel
	optOutParty
)

func optOutColumns(number []string) intake.Columns {
	return intake.Columns{DeclaredIn: "the form of a list of opt-outs", List: []intake.Column{
		optOutNumber:     {Name: "number", Synonyms: number, Required: true},
		optOutReceivedAt: {Name: "received_at", Synonyms: []string{"reçu le", "date", "date d'opposition"}},
		optOutReason:     {Name: "reason", Synonyms: []string{"motif", "raison"}},
		optOutWay:        {Name: "way", Synonyms: []string{"voie", "moyen", "par"}},
		optOutChannel:    {Name: "channel", Synonyms: []string{"canal"}},
		optOutParty:      {Name: "party", Synonyms: []string{"parti"}},
	}}
}

// intakeOptOuts takes lists of objections. They take effect while the list is
// read, since no objection may wait for other rows to be right, and they stay
// when the session fails or is aborted.
//
// Only a number that cannot be read refuses a row, since then nobody knows who
// objects. Where another field cannot be read the objection is taken in its
// widest meaning: for every channel, for every party, as of now. Such rows are
// counted as widened and instant_assumed.
type intakeOptOuts struct {
	directories *store.Directories
	registry    *dialer.Registry
	object      func(ctx context.Context, objections ...dialer.Objection) (dialer.ObjectionEffect, error)
	identity    contact.IDKey
	region      string
	zone        *time.Location
	clock       dialer.Clock
	report      *intakeReport
	declared    intake.Columns
	pending     []dialer.Objection
	found       dialer.Contact // scratch
}

func newIntakeOptOuts(o *intakeOptions, report *intakeReport) *intakeOptOuts {
	return &intakeOptOuts{
		directories: o.directories, registry: o.registry, object: o.object, identity: o.keys.Identity, region: o.schema.Region,
		zone: regionZone(o.schema.Region), clock: o.clock, report: report, declared: optOutColumns(o.schema.Columns.Number),
	}
}

func (l *intakeOptOuts) columns() intake.Columns { return l.declared }

func (l *intakeOptOuts) beginFile(string, bool) {}

func (l *intakeOptOuts) afterFailure() string {
	return "the objections read so far hold: send the lists again for the rest"
}

func (l *intakeOptOuts) refuse(e *intake.RowError) error {
	l.report.read(1)
	l.report.refuse(refusedMalformed, e)
	return nil
}

func (l *intakeOptOuts) take(ctx context.Context, row intake.Row) error {
	l.report.read(1)
	written := row.Bytes(optOutNumber)
	if len(written) == 0 {
		l.report.refuse(refusedNumberMissing, row.Refuse(optOutNumber, "", "nobody can tell who objects"))
		return nil
	}
	// A number that the plan does not have costs nothing to keep, and the plan
	// may be behind the times.
	number, _, err := contact.Parse(written, l.region)
	if err != nil {
		l.report.refuse(refusedNumber, row.Refuse(optOutNumber, shape(written),
			"want a national number of "+l.region+", or one that begins with + and a country code"))
		return nil //nolint:nilerr // the row is refused; the others count
	}
	l.pending = append(l.pending, l.objection(row, l.identity.ID(number)))
	if len(l.pending) < optOutChunk {
		return nil
	}
	return l.flush(ctx)
}

func (l *intakeOptOuts) objection(row intake.Row, id contact.ID) dialer.Objection {
	now := l.clock.Now()
	way := strings.ToLower(withoutDigits(row.Text(optOutWay)))
	if way == "" {
		way = "list"
	}
	o := dialer.ObjectionFrom(id, way, now)
	o.Reason = withoutDigits(row.Text(optOutReason))
	if text := row.Text(optOutReceivedAt); text != "" {
		at, err := intake.ParseInstant(text, l.zone)
		if err == nil && !at.After(now) {
			o.At = at
		} else {
			l.report.count(countInstantAssumed, 1)
		}
	}
	if text := row.Text(optOutChannel); text != "" {
		channel, err := contact.ParseChannel(strings.ToLower(text))
		if err != nil {
			l.report.count(countWidened, 1)
		}
		o.Channel = channel
	}
	if text := row.Text(optOutParty); text != "" && text != consent.AnyParty {
		if _, registered := l.registry.Party(text); registered {
			o.Party = text
		} else {
			l.report.count(countWidened, 1)
		}
	}
	return o
}

// flush makes the pending objections effective. It is not ended by what ends
// the session: half an objection is none.
func (l *intakeOptOuts) flush(ctx context.Context) error {
	if len(l.pending) == 0 {
		return nil
	}
	objections := l.pending
	l.pending = nil
	effect, err := l.object(context.WithoutCancel(ctx), objections...)
	if err != nil {
		return fmt.Errorf("make objections effective: %w", err)
	}
	l.report.count(string(effect), uint64(len(objections)))
	for i := range objections {
		known, err := l.directories.Contact(objections[i].Contact, &l.found)
		if err != nil {
			return fmt.Errorf("look for a contact: %w", err)
		}
		if !known {
			l.report.count(countUnknownContact, 1)
		}
	}
	return nil
}

func (l *intakeOptOuts) endFile(ctx context.Context, _ [sha256.Size]byte) error { return l.flush(ctx) }

func (l *intakeOptOuts) finish(ctx context.Context) error { return l.flush(ctx) }

// abort keeps the objections that were read: a contact who has said no is not
// dialled because somebody's upload broke off.
func (l *intakeOptOuts) abort(ctx context.Context) error {
	if err := l.flush(ctx); err != nil {
		return errors.Join(errors.New("the last objections that were read may not hold"), err)
	}
	return nil
}
