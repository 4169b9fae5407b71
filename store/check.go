package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// CheckOptions say what to check a store against.
type CheckOptions struct {
	Paths Paths
	// Keys open the sealed numbers.
	Keys *Keys
	// Full opens every sealed number instead of about a thousand.
	Full bool
	// Books checks the ledger's rows against each other and returns what is
	// wrong, a sentence each. Nil skips that.
	Books func(dialer.Tx) []string
	// Objected tells whether the ledger knows the journal's entry. Nil asks
	// only whether the contact has any objection.
	Objected func(dialer.Tx, JournalEntry) bool
}

// Finding is one thing that is wrong with a store.
type Finding struct {
	// Part is "ledger", "directory" or "journal".
	Part string
	// Text tells what is wrong, Hint what to do about it (it may be empty).
	Text, Hint string
}

// String prints the finding on one line.
func (f Finding) String() string {
	text := f.Part + ": " + f.Text
	if f.Hint != "" {
		text += " (" + f.Hint + ")"
	}
	return text
}

// Findings are all that is wrong; none means that the store is sound.
type Findings []Finding

// findingsMost bounds the findings of one part: damage tends to repeat itself.
const findingsMost = 100

// Check reads a whole store, with the daemon stopped, and changes nothing. Its
// error says that the check could not be done, not that it found something.
func Check(ctx context.Context, options CheckOptions) (Findings, error) {
	c := &checker{ctx: ctx, options: options}
	for _, part := range []struct {
		name  string
		check func() error
	}{
		{"ledger", c.ledger},
		{"journal", c.journal}, // again, by itself, where the ledger was of no use
		{"directory", c.directory},
	} {
		c.part, c.inPart = part.name, 0
		if err := part.check(); err != nil {
			return c.findings, fmt.Errorf("check %s: %w", part.name, err)
		}
	}
	return c.findings, nil
}

type checker struct {
	ctx      context.Context // of the one call of Check
	options  CheckOptions
	part     string
	inPart   int
	findings Findings
	// journalRead tells that the journal was read along with the ledger.
	journalRead bool
}

const restoreHint = "restore the file from backup"

func (c *checker) found(text, hint string) {
	c.inPart++
	switch {
	case c.inPart < findingsMost:
		c.findings = append(c.findings, Finding{c.part, text, hint})
	case c.inPart == findingsMost:
		c.findings = append(c.findings, Finding{c.part, "there is more of the kind, not shown", ""})
	}
}

// ledger checks the ledger, and the journal against it.
func (c *checker) ledger() error {
	there, err := exists(c.options.Paths.Ledger)
	if err != nil {
		return err
	}
	if !there {
		c.found("there is no file "+c.options.Paths.Ledger, restoreHint)
		return nil
	}
	return c.read(c.options.Paths.Ledger, func(btx *bolt.Tx) error {
		if err := readHead(btx, c.options.Keys); err != nil {
			c.found(err.Error(), "")
			return nil
		}
		t := newTx()
		t.begin(btx)
		if c.options.Books != nil {
			for _, fault := range c.options.Books(t) {
				c.found(fault, "")
			}
		}
		c.part, c.inPart = "journal", 0
		return c.journalAgainst(t)
	})
}

func (c *checker) journal() error {
	if c.journalRead {
		return nil
	}
	return c.journalAgainst(nil)
}

// journalAgainst checks that the journal can be read and that the ledger, where
// there is one, knows every objection.
func (c *checker) journalAgainst(ledger dialer.Tx) error {
	c.journalRead = true
	f, err := os.Open(c.options.Paths.Journal)
	if err != nil {
		c.found("open: "+err.Error(), "a restored ledger would not know of later objections: put the journal back from its copy")
		return nil
	}
	defer func() { _ = f.Close() }() // only read
	objected := c.options.Objected
	if objected == nil {
		objected = hasObjection
	}
	_, err = readJournal(f, func(e JournalEntry) error {
		if ledger != nil && !objected(ledger, e) {
			c.found(fmt.Sprintf("the objection of %s (%s, %s) is not in the ledger", e.ID, e.Channel, e.At.Format(time.RFC3339)),
				"start the daemon, which reads the journal again")
		}
		return c.ctx.Err()
	})
	if c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	if err != nil {
		c.found(err.Error(), "")
	}
	return nil
}

func hasObjection(ledger dialer.Tx, e JournalEntry) bool {
	for key := range ledger.Rows(dialer.BucketObjection, e.ID[:]) {
		return bytes.HasPrefix(key, e.ID[:])
	}
	return false
}

// directory checks the directory's rows. There is none before the first
// import.
func (c *checker) directory() error {
	path := c.options.Paths.Directory
	if there, err := exists(path); err != nil || !there {
		return err
	}
	sound := false
	if err := c.read(path, func(*bolt.Tx) error { sound = true; return nil }); err != nil || !sound {
		return err
	}
	d, err := OpenDirectory(path, c.options.Keys, nil)
	if err != nil {
		c.found(err.Error(), "")
		return nil
	}
	err = c.contacts(d)
	return errors.Join(err, d.Close())
}

// sampleSize is about how many sealed numbers are opened without Full.
const sampleSize = 1000

func (c *checker) contacts(d *Directory) error {
	step := max(1, d.Count()/sampleSize)
	if c.options.Full {
		step = 1
	}
	var row dialer.Contact
	var last contact.ID
	var count uint64
	kinds, err := d.kindRows()
	if err != nil {
		c.found(err.Error(), cellsHint)
	}
	cells := &cellChecker{checker: c, reader: d.newCellReader(), kinds: kinds}
	if d.tables.Cells && cells.reader == nil && d.Count() > 0 {
		c.found("it lacks its columns", restoreHint)
	}
	cursor := d.rows.Cursor()
	for key, value := cursor.First(); key != nil; key, value = cursor.Next() {
		if len(key) != contact.IDSize {
			c.found("a row has no contact's key", restoreHint)
			continue
		}
		id := contact.ID(key)
		if count > 0 && bytes.Compare(last[:], key) >= 0 {
			c.found(fmt.Sprintf("contact %s is out of order", id), restoreHint)
		}
		if err := d.decoder.decode(value, &row); err != nil {
			c.found(fmt.Sprintf("contact %s: %s", id, err), restoreHint)
		} else if count%step == 0 && c.options.Keys != nil {
			c.number(d, id)
		}
		cells.compare(count, id, value)
		last = id
		if count++; count%progressRows == 0 && c.ctx.Err() != nil {
			return c.ctx.Err()
		}
	}
	if count != d.Count() {
		c.found(fmt.Sprintf("it has %d contacts and says that it has %d", count, d.Count()), restoreHint)
	}
	return nil
}

// number checks that the sealed number opens and is the contact's own.
func (c *checker) number(d *Directory, id contact.ID) {
	number, err := d.Number(id)
	if err != nil {
		c.found(err.Error(), restoreHint)
	} else if c.options.Keys.Identity.ID(number) != id {
		c.found(fmt.Sprintf("contact %s has the number of another contact", id), restoreHint)
	}
}

// read opens a bbolt file for reading, checks its pages and, where these are
// sound, runs check over it.
func (c *checker) read(path string, check func(*bolt.Tx) error) error {
	db, err := openFile(path, &bolt.Options{ReadOnly: true, Timeout: time.Second, PreLoadFreelist: true})
	switch {
	case err == nil:
		return errors.Join(db.View(func(btx *bolt.Tx) error { return c.pages(btx, check) }), db.Close())
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("%w: %s has this store open; stop it first", err, readOwner(path))
	default:
		c.found("open: "+err.Error(), restoreHint)
		return nil
	}
}

func (c *checker) pages(btx *bolt.Tx, check func(*bolt.Tx) error) error {
	faults := pageFaults(btx)
	for _, fault := range faults {
		c.found(fault, restoreHint)
	}
	if len(faults) > 0 {
		return nil // the rows of damaged pages would only be found again
	}
	return check(btx)
}

// CheckPages checks the pages of one bbolt file that nobody has open for
// writing, and returns what is wrong with them.
func CheckPages(path string) ([]string, error) {
	c := &checker{ctx: context.Background(), part: "file"}
	err := c.read(path, func(*bolt.Tx) error { return nil })
	var faults []string
	for _, finding := range c.findings {
		faults = append(faults, finding.Text)
	}
	return faults, err
}

// pageFaults returns what is wrong with the pages of a file. It walks through
// all rows first, on this goroutine: over bad damage bbolt panics or faults,
// which on the goroutine of its own check would end the program.
func pageFaults(btx *bolt.Tx) []string {
	if err := checkSize(btx); err != nil {
		return []string{err.Error()}
	}
	if err := walk(btx); err != nil {
		return []string{err.Error()}
	}
	var faults []string
	for err := range btx.Check() {
		if len(faults) < findingsMost {
			faults = append(faults, "page check: "+err.Error())
		}
	}
	return faults
}

func walk(btx *bolt.Tx) (err error) {
	defer recoverDamage(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	var sum byte
	return btx.ForEach(func(_ []byte, b *bolt.Bucket) error {
		return b.ForEach(func(key, value []byte) error {
			for _, part := range [][]byte{key, value} {
				if len(part) > 0 {
					sum += part[0] + part[len(part)-1]
				}
			}
			return nil
		})
	})
}
