package dialer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// reportQuiet is how long after closing a report is drawn: late statuses come
// in, and the moment of closing says nothing.
const reportQuiet = 24 * time.Hour

// reportHour is the hour of the day, UTC, at which reports are released. All on
// one grid, so that the instant of a release says nothing of a campaign.
const reportHour = 9

// ReportDue is when the report of a campaign is released that closed then.
func ReportDue(closed time.Time) time.Time {
	earliest := closed.Add(reportQuiet).UTC()
	due := time.Date(earliest.Year(), earliest.Month(), earliest.Day(), reportHour, 0, 0, 0, time.UTC)
	if due.Before(earliest) {
		due = due.AddDate(0, 0, 1)
	}
	return due
}

// Totals are a closed campaign's true figures in the disjoint classes of a
// report, one for each ordered contact. They are drawn over before any party
// sees them.
type Totals struct {
	Campaign, Party, Round, Election string
	Channel                          string
	Ending                           string
	// Held tells that the dialer held the campaign at some time.
	Held                                       bool
	Size                                       uint64
	Reached, NotReached, NotContacted, Unknown uint64
	Started, Closed, Due                       time.Time
}

// ReportsDue returns the closed campaigns whose report is to be drawn now and
// has not been. While the clock is in doubt none is: a report is drawn once.
func (d *Dialer) ReportsDue() ([]Totals, error) {
	if !d.clockIsSure() {
		return nil, nil
	}
	now := d.clock.Now()
	var due []Totals
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		for record := range b.campaigns() {
			balance := b.balance(record.Number)
			if balance.State != CampaignClosed || ReportDue(record.Closed).After(now) ||
				b.Get(BucketReport, []byte(record.Job.ID)) != nil {
				continue
			}
			due = append(due, d.totals(record, &balance))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for reports that are due: %w", err)
	}
	return due, nil
}

func (d *Dialer) totals(record *campaignRecord, balance *balance) Totals {
	_, election, _ := d.registry.Round(record.Job.Round)
	t := Totals{
		Campaign: record.Job.ID, Party: record.Job.Party, Round: record.Job.Round, Election: election.Name,
		Channel: record.Job.Channel.String(), Ending: balance.Ending.String(), Held: record.Held,
		Size: balance.Size, Closed: record.Closed, Due: ReportDue(record.Closed),
	}
	if balance.Attempts > 0 {
		t.Started = startOf(&record.Job, record.Accepted)
	}
	for outcome, n := range balance.Counted {
		switch o := Outcome(outcome); {
		case o == OutcomeUnknown:
			t.Unknown += n
		case o.Reached():
			t.Reached += n
		default:
			t.NotReached += n
		}
	}
	t.NotContacted = t.Size - t.Reached - t.NotReached - t.Unknown
	return t
}

// StoredReport is a report as it was drawn, once, and is served for ever.
type StoredReport struct {
	Campaign string    `json:"campaign"`
	Party    string    `json:"party"`
	Released time.Time `json:"released"`
	KeyID    string    `json:"key_id"`
	// Files are the renderings and their signatures by name, such as
	// "report.json" and "report.json.sig".
	Files map[string][]byte `json:"files,omitempty"`
	// Hash is the SHA-256 of the files, in hexadecimal digits. It stands in the
	// audit log, too, whose leaf is kept for ever.
	Hash string `json:"sha256"`
}

// hashFiles returns the hash of the files, in the order of their names.
func (r *StoredReport) hashFiles() string {
	all := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(r.Files)) {
		sum := sha256.Sum256(r.Files[name])
		_, _ = fmt.Fprintf(all, "%s %x\n", name, sum) // a hash takes all
	}
	return hex.EncodeToString(all.Sum(nil))
}

// read fills in the report from its row, whose files must be those that were
// drawn.
func (r *StoredReport) read(row []byte) error {
	if err := json.Unmarshal(row, r); err != nil {
		return err
	}
	if r.hashFiles() != r.Hash {
		return errors.New("its files are not those that were drawn")
	}
	return nil
}

// StoreReport keeps a report that was just drawn, unless there is one already:
// then that one stands, and is returned. Its row, its renderings, their hash and
// the leaf of the audit log are one transaction. Nobody sees a report before this
// has returned, nor are its bytes anywhere else, so a crash can never have it drawn
// twice.
func (d *Dialer) StoreReport(ctx context.Context, report StoredReport) (StoredReport, error) {
	move := &reportMove{report: report}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return StoredReport{}, fmt.Errorf("keep the report of campaign %s: %w", report.Campaign, err)
	}
	return move.report, nil
}

type reportMove struct{ report StoredReport }

// Apply keeps the report, or finds the one that is there.
func (m *reportMove) Apply(tx Tx) {
	b := books{tx}
	if row := b.Get(BucketReport, []byte(m.report.Campaign)); row != nil {
		if err := m.report.read(row); err != nil {
			b.Fail(fmt.Errorf("read the report of campaign %s: %w", m.report.Campaign, err))
		}
		return
	}
	m.report.Hash = m.report.hashFiles()
	leaf := m.report
	leaf.Files = nil // their hash says it all
	row, err := json.Marshal(m.report)
	entry, failed := json.Marshal(leaf)
	if err := errors.Join(err, failed); err != nil {
		b.Fail(fmt.Errorf("write the report of campaign %s: %w", m.report.Campaign, err))
		return
	}
	b.Put(BucketReport, []byte(m.report.Campaign), row)
	b.audit(auditReport, entry)
}

// Reports returns the reports that were released.
func (d *Dialer) Reports() ([]StoredReport, error) {
	var reports []StoredReport
	err := d.ledger.View(func(tx Tx) error {
		return EachReport(tx, func(report StoredReport) { reports = append(reports, report) })
	})
	return reports, err
}

// ReportNames returns the campaigns whose reports were released, without reading
// the reports.
func (d *Dialer) ReportNames() ([]string, error) {
	var names []string
	err := d.ledger.View(func(tx Tx) error {
		for key := range tx.Rows(BucketReport, nil) {
			names = append(names, string(key))
		}
		return nil
	})
	return names, err
}

// Report returns the report of one campaign, and false where none was released.
func (d *Dialer) Report(campaign string) (report StoredReport, found bool, err error) {
	err = d.ledger.View(func(tx Tx) error {
		row := tx.Get(BucketReport, []byte(campaign))
		if found = row != nil; !found {
			return nil
		}
		return report.read(row)
	})
	if err != nil {
		return StoredReport{}, false, fmt.Errorf("read the report of campaign %s: %w", campaign, err)
	}
	return report, found, nil
}

// EachReport calls each for every report that was released.
func EachReport(tx Tx, each func(StoredReport)) error {
	for key, row := range tx.Rows(BucketReport, nil) {
		var report StoredReport
		if err := report.read(row); err != nil {
			return fmt.Errorf("read the report of campaign %s: %w", key, err)
		}
		each(report)
	}
	return nil
}
