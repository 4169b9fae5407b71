package daemon

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/intake"
)

// grantsPerMove is how many grants are entered in one transaction: enough to
// share its sync, few enough that an objection waits for milliseconds only.
const grantsPerMove = 2000

// The columns of a list of grants.
const (
	grantNumber = iota
	grantChannel
	grantParty
	grantPurpose
	grantGivenAt
	grantCollectedFrom
	grantExplicit
	grantWordingVersion
	grantWording
	grantSlot
	grantEvidence
)

// grantColumns returns the columns. A grant of which nobody knows who collected
// it, when, for whom and with which words proves nothing, so these are
// required.
func grantColumns(number []string) intake.Columns {
	return intake.Columns{DeclaredIn: "the form of a list of grants", List: []intake.Column{
		grantNumber:         {Name: "number", Synonyms: number, Required: true},
		grantChannel:        {Name: "channel", Synonyms: []string{"canal"}, Required: true},
		grantParty:          {Name: "party", Synonyms: []string{"parti"}, Required: true},
		grantPurpose:        {Name: "purpose", Synonyms: []string{"finalité", "but"}, Required: true},
		grantGivenAt:        {Name: "given_at", Synonyms: []string{"donné le", "date", "date du consentement", "recueilli le"}, Required: true},
		grantCollectedFrom:  {Name: "collected_from", Synonyms: []string{"recueilli auprès de", "collecté auprès de", "provenance"}, Required: true},
		grantExplicit:       {Name: "explicit", Synonyms: []string{"explicite"}, Required: true},
		grantWordingVersion: {Name: "wording_version", Synonyms: []string{"version du texte", "version"}},
		grantWording:        {Name: "wording", Synonyms: []string{"texte", "libellé", "formulation"}, Required: true},
		grantSlot:           {Name: "slot", Synonyms: []string{"créneau", "plage horaire"}},
		grantEvidence:       {Name: "evidence", Synonyms: []string{"preuve", "référence"}},
	}}
}

// intakeGrants takes lists of grants. Nothing is entered before all files have
// been read; then moves of some grants each go to the ledger. A crash between
// two moves leaves the earlier ones entered: importing the same lists again
// enters the rest, since the ledger knows a grant that says the same.
type intakeGrants struct {
	directories *store.Directories
	ledger      dialer.Ledger
	registry    *dialer.Registry
	identity    contact.IDKey
	region      string
	zone        *time.Location
	now         time.Time
	source      string
	report      *intakeReport
	declared    intake.Columns
	spool       *intakeSpool
	entering    bool
	found       dialer.Contact // scratch
}

func newIntakeGrants(o *intakeOptions, open queue.IntakeOpen, report *intakeReport) (*intakeGrants, error) {
	spool, err := newIntakeSpool(o.scratch)
	if err != nil {
		return nil, err
	}
	return &intakeGrants{
		directories: o.directories, ledger: o.ledger, registry: o.registry, identity: o.keys.Identity, region: o.schema.Region,
		zone: regionZone(o.schema.Region), now: o.clock.Now(), source: open.Source, report: report,
		declared: grantColumns(o.schema.Columns.Number), spool: spool,
	}, nil
}

// regionZone returns the zone in which the region's lists write instants that
// name none: its capital's, which stands first.
func regionZone(region string) *time.Location {
	if territory, known := contact.FindTerritory(region); known && len(territory.Zones) > 0 {
		return territory.Zones[0]
	}
	return time.UTC
}

func (g *intakeGrants) columns() intake.Columns { return g.declared }

func (g *intakeGrants) beginFile(string, bool) {}

func (g *intakeGrants) afterFailure() string {
	if !g.entering {
		return "no grant was entered"
	}
	return "some grants are entered already: import the lists again, what is known is not entered twice"
}

func (g *intakeGrants) refuse(e *intake.RowError) error {
	g.report.read(1)
	g.report.refuse(refusedMalformed, e)
	return nil
}

func (g *intakeGrants) take(_ context.Context, row intake.Row) error {
	g.report.read(1)
	grant, fault := g.parse(row)
	if fault != nil {
		g.report.refuse(fault.word, row.Refuse(fault.column, fault.shape, fault.hint))
		return nil
	}
	return g.spool.add(&grant)
}

func (g *intakeGrants) parse(row intake.Row) (dialer.Grant, *intakeFault) {
	grant := dialer.Grant{
		Wording: row.Text(grantWording), WordingVersion: row.Text(grantWordingVersion), Evidence: row.Text(grantEvidence), Source: g.source,
	}
	written := row.Bytes(grantNumber)
	if len(written) == 0 {
		return grant, &intakeFault{grantNumber, refusedNumberMissing, "", ""}
	}
	number, line, err := contact.Parse(written, g.region)
	if err != nil || !line.Valid {
		return grant, &intakeFault{grantNumber, refusedNumber, shape(written), "want a national number of " + g.region + ", or one that begins with + and a country code"}
	}
	grant.Contact = g.identity.ID(number)
	grant.Grant = consent.Grant{Party: row.Text(grantParty), Purpose: row.Text(grantPurpose), CollectedFrom: row.Text(grantCollectedFrom)}
	if fault := g.parseScope(row, &grant.Grant); fault != nil {
		return grant, fault
	}
	if grant.Wording == "" {
		return grant, &intakeFault{grantWording, refusedWording, "", "want the words that the contact agreed to"}
	}
	grant.WordingHash = sha256.Sum256([]byte(grant.Wording))
	for _, column := range []int{grantCollectedFrom, grantWordingVersion, grantWording, grantEvidence} {
		if text := row.Bytes(column); holdsNumber(text, written) {
			return grant, &intakeFault{column, refusedHoldsNumber, shape(text), "the number must stand in its own column only: this one is kept in clear"}
		}
	}
	return grant, nil
}

// parseScope reads what the grant allows: to whom, on which channel, since when.
func (g *intakeGrants) parseScope(row intake.Row, grant *consent.Grant) *intakeFault {
	fault := func(column int, word, hint string) *intakeFault {
		return &intakeFault{column, word, shape(row.Bytes(column)), hint}
	}
	var err error
	if grant.Channel, err = contact.ParseChannel(strings.ToLower(row.Text(grantChannel))); err != nil || grant.Channel == contact.AnyChannel {
		return fault(grantChannel, refusedChannel, "want one of sms, live_call, predictive_call, robocall, ai_voice")
	}
	if _, registered := g.registry.Party(grant.Party); !registered {
		return fault(grantParty, refusedParty, "want the ID of a party in the registry: consent names who may call")
	}
	if grant.Purpose != consent.Political {
		return fault(grantPurpose, refusedPurpose, "want "+consent.Political)
	}
	if grant.GivenAt, err = intake.ParseInstant(row.Text(grantGivenAt), g.zone); err != nil {
		return fault(grantGivenAt, refusedInstant, "want a form such as 2026-11-02T16:11:39+01:00")
	}
	if grant.GivenAt.After(g.now) {
		return fault(grantGivenAt, refusedFuture, "nobody has consented tomorrow: are day and month in their order?")
	}
	if grant.CollectedFrom == "" {
		return fault(grantCollectedFrom, refusedCollected, "want data_subject, or from whom the consent came")
	}
	if grant.Explicit, err = intake.ParseBool(row.Text(grantExplicit)); err != nil {
		return fault(grantExplicit, refusedExplicit, "want true or false")
	}
	if grant.Slot, err = consent.ParseSlot(row.Text(grantSlot)); err != nil {
		return fault(grantSlot, refusedSlot, "want a form such as 18:00-20:00")
	}
	return nil
}

// holdsNumber tells whether a text repeats the number as it is written in its
// own column, however both are parted. The last nine digits decide, so that the
// national and the international form are the same.
func holdsNumber(text, written []byte) bool {
	const least, telling = 6, 9
	if len(text) < least {
		return false
	}
	digits := onlyDigits(written)
	digits = digits[max(0, len(digits)-telling):]
	return len(digits) >= least && bytes.Contains(onlyDigits(text), digits)
}

func onlyDigits(text []byte) []byte {
	digits := make([]byte, 0, len(text))
	for _, b := range text {
		if b >= '0' && b <= '9' {
			digits = append(digits, b)
		}
	}
	return digits
}

func (g *intakeGrants) endFile(_ context.Context, hash [sha256.Size]byte) error {
	g.spool.endFile(hash)
	return nil
}

// finish enters the grants. The context is asked between moves only: a move
// that was handed in is made.
func (g *intakeGrants) finish(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, g.spool.close()) }()
	g.spool.rewind()
	g.entering = true
	total, entered := g.spool.count(), uint64(0)
	for {
		g.report.built(entered, total)
		move, err := g.nextMove()
		if err != nil {
			return err
		}
		if len(move.Grants) == 0 {
			return nil
		}
		if err := g.ledger.Commit(ctx, move); err != nil {
			return fmt.Errorf("enter grants in the ledger: %w", err)
		}
		entered += uint64(len(move.Grants))
		g.report.count(countAdded, uint64(move.Added))
		g.report.count(countKnown, uint64(move.Known))
		g.report.count(countErased, uint64(move.Erased))
	}
}

// nextMove takes some grants out of the spool, and counts those whose contacts
// the directory does not have.
func (g *intakeGrants) nextMove() (*dialer.RecordGrants, error) {
	move := &dialer.RecordGrants{Grants: make([]dialer.Grant, 0, grantsPerMove)}
	for len(move.Grants) < grantsPerMove {
		grant, err := g.spool.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		known, err := g.directories.Contact(grant.Contact, &g.found)
		if err != nil {
			return nil, fmt.Errorf("look for the contact of a grant: %w", err)
		}
		if !known {
			g.report.count(countUnknownContact, 1)
		}
		grant.Source, grant.ImportedAt = g.source, g.now
		move.Grants = append(move.Grants, grant)
	}
	return move, nil
}

func (g *intakeGrants) abort(context.Context) error { return g.spool.close() }
