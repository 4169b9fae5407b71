package daemon

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/intake"
)

const (
	// intakeParsers is how many goroutines parse and seal, which is most of what
	// reading a list computes.
	intakeParsers = 2
	// batchRows is how many rows they are handed at a time, and batchCount how
	// many such batches there are, which bounds the memory.
	batchRows  = 1024
	batchCount = 6
)

// intakeContacts takes lists of contacts into a new directory. Rows pass
// through parsers in batches and come out in their order, since of two rows of
// a contact the first one wins.
type intakeContacts struct {
	directories *store.Directories
	old         *store.Directory
	builder     *store.DirectoryBuilder
	parser      *intakeParser
	built       bool
	// erased tells who must be left out, and gone is who they are at the build.
	erased func() (map[contact.ID]bool, error)
	gone   map[contact.ID]bool
	report *intakeReport

	work     chan *intakeBatch
	parsers  sync.WaitGroup
	filling  *intakeBatch
	under    []*intakeBatch // being parsed, oldest first
	spare    []*intakeBatch
	places   intakePlaces
	repeated []uint64 // ordinals of rows for a contact that had one before
}

func newIntakeContacts(o *intakeOptions, zones *intakeZones, open queue.IntakeOpen, report *intakeReport) (*intakeContacts, error) {
	c := &intakeContacts{
		directories: o.directories, old: o.directories.Current(), report: report, erased: o.erased,
		parser: newIntakeParser(o, zones), work: make(chan *intakeBatch, batchCount),
	}
	collected, err := collectedAt(o, open)
	if err != nil {
		return nil, err
	}
	c.builder, err = store.NewDirectoryBuilder(store.DirectoryBuilderOptions{
		Path: o.paths.Directory, Old: c.old, Keys: o.directories.Keys(), Attributes: o.schema.Declared(), BuiltAt: o.clock.Now(),
		Erased: func(id contact.ID) bool { return c.gone[id] }, Correct: o.correct,
		Duplicate: func(ordinal uint64) {
			if len(c.repeated) < intakeTold {
				c.repeated = append(c.repeated, ordinal)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	if c.parser.source, err = c.builder.Source(open.Source, collected); err != nil {
		return nil, errors.Join(err, c.builder.Abort())
	}
	for range batchCount {
		c.spare = append(c.spare, newIntakeBatch())
	}
	for range intakeParsers {
		packer, err := c.builder.Packer()
		if err != nil {
			return nil, errors.Join(err, c.abort(context.Background()))
		}
		c.parsers.Go(func() {
			for batch := range c.work {
				batch.parse(c.parser, packer)
				batch.parsed <- struct{}{}
			}
		})
	}
	return c, nil
}

// collectedAt is when the contacts were collected, as far as the sender knows.
func collectedAt(o *intakeOptions, open queue.IntakeOpen) (time.Time, error) {
	now := o.clock.Now()
	if open.CollectedAt == "" {
		return now, nil
	}
	at, err := intake.ParseInstant(open.CollectedAt, regionZone(o.schema.Region))
	if err != nil || at.After(now) {
		return at, &queue.ControlError{
			Code: queue.CodeInvalid, Message: "nobody can tell when the contacts were collected",
			Hint: "say when, such as 2026-11-02, and not after today: how long they may be kept counts from then",
		}
	}
	return at, nil
}

func (c *intakeContacts) columns() intake.Columns { return c.parser.declared }

func (c *intakeContacts) beginFile(name string, synthetic bool) {
	c.places.beginFile(name)
	if synthetic {
		c.builder.MarkSynthetic()
	}
}

func (c *intakeContacts) afterFailure() string {
	if c.built {
		return ""
	}
	return "the directory is as it was before"
}

func (c *intakeContacts) take(_ context.Context, row intake.Row) error {
	batch, err := c.batch()
	if err != nil {
		return err
	}
	batch.add(row, len(c.parser.declared.List))
	return nil
}

func (c *intakeContacts) refuse(e *intake.RowError) error {
	batch, err := c.batch()
	if err != nil {
		return err
	}
	batch.rows = append(batch.rows, intakeRow{refused: e, word: refusedMalformed})
	return nil
}

// batch returns a batch with room for a row.
func (c *intakeContacts) batch() (*intakeBatch, error) {
	if c.filling != nil && len(c.filling.rows) == batchRows {
		c.handOver()
	}
	if c.filling == nil {
		if len(c.spare) == 0 {
			if err := c.addOldest(); err != nil {
				return nil, err
			}
		}
		last := len(c.spare) - 1
		c.filling, c.spare = c.spare[last], c.spare[:last]
	}
	return c.filling, nil
}

func (c *intakeContacts) handOver() {
	if c.filling != nil {
		c.under = append(c.under, c.filling)
		c.work <- c.filling // has room for all batches
		c.filling = nil
	}
}

// addOldest waits for the oldest batch and takes its contacts.
func (c *intakeContacts) addOldest() error {
	batch := c.under[0]
	<-batch.parsed
	c.under = append(c.under[:0], c.under[1:]...)
	defer func() {
		batch.reset()
		c.spare = append(c.spare, batch)
	}()
	if batch.err != nil {
		return batch.err
	}
	c.report.read(len(batch.rows))
	begin := 0
	for i := range batch.rows {
		row := &batch.rows[i]
		if row.refused != nil {
			c.report.refuse(row.word, row.refused)
			continue
		}
		if err := c.builder.Take(row.id, batch.packed[begin:row.packed]); err != nil {
			return err
		}
		begin = row.packed
		c.places.add(row.row.Line)
	}
	return nil
}

// endFile waits for all rows of the file, so that those of the next one have
// columns of their own.
func (c *intakeContacts) endFile(context.Context, [sha256.Size]byte) error {
	c.handOver()
	for len(c.under) > 0 {
		if err := c.addOldest(); err != nil {
			return err
		}
	}
	return nil
}

func (c *intakeContacts) finish(ctx context.Context) error {
	c.stopParsers()
	if c.directories.Current() != c.old {
		return errors.New("the directory was changed by somebody else meanwhile: import the lists again")
	}
	var err error
	if c.gone, err = c.erased(); err != nil {
		return err
	}
	counts, err := c.builder.Build(ctx, c.report.built)
	if err != nil {
		return err
	}
	c.built = true
	if err := c.directories.Reload(); err != nil {
		return fmt.Errorf("the new directory is in place, but does not open (restart the daemon and run dialctl store check): %w", err)
	}
	for word, count := range map[string]uint64{
		countAdded: counts.Added, countUpdated: counts.Updated, countUnchanged: counts.Unchanged, countKept: counts.Kept,
		countErased: counts.Erased, refusedDuplicate: counts.Duplicates,
	} {
		c.report.count(word, count)
	}
	c.tellRepeated()
	return nil
}

// tellRepeated tells where the rows stand that were not used since an earlier
// one was for the same contact.
func (c *intakeContacts) tellRepeated() {
	slices.Sort(c.repeated)
	for _, ordinal := range c.repeated {
		if file, line, known := c.places.find(ordinal); known {
			c.report.note(refusedDuplicate, &intake.RowError{
				File: file, Line: line, Reason: "an earlier row is for the same number", Hint: "the first row of a contact counts",
			})
		}
	}
}

func (c *intakeContacts) abort(context.Context) error {
	c.stopParsers()
	return c.builder.Abort()
}

func (c *intakeContacts) stopParsers() {
	if c.work != nil {
		close(c.work)
		c.parsers.Wait()
		c.work = nil
	}
}
