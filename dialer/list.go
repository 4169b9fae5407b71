package dialer

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// An outside list lies in the ledger in generations: an import writes its rows
// under a new one, and the list's head, which names the generation in force,
// changes in one transaction once all of them are there. A list that was cut
// short is not in force, and its rows are removed at the next occasion.
//
//	name 0               generation (4 bytes), file date (8), what is known of the file
//	name 0 generation ID what the list says of the contact

// ListFile is one outside list as it was imported last.
type ListFile struct {
	Name string `json:"name"`
	// FileDate is how old the list is: what counts for the rules.
	FileDate time.Time `json:"file_date"`
	// Rows is how many contacts stand on it.
	Rows       uint64    `json:"rows"`
	Source     string    `json:"source"`
	FileHash   []byte    `json:"file_hash"`
	ImportedAt time.Time `json:"imported_at"`
	Operator   string    `json:"operator,omitempty"`
}

// ListRow is what a list says of one contact.
type ListRow struct {
	Contact contact.ID
	// Answer is a reassigned numbers database's, and Since the date that it was
	// asked about. Other lists have neither: who stands on them stands on them.
	Answer consent.Reassigned
	Since  time.Time
}

// The errors of lists.
var (
	ErrNoList     = errors.New("no rule of the pack names such a list")
	ErrListUnused = errors.New("the list is not applied")
	ErrListOlder  = errors.New("the list in force is newer")
)

// ListOf returns the list that the pack knows by that name, in whatever case. It
// is an error that wraps ErrListUnused where the pack has it for the sole purpose
// of saying that it does not bind, and for the broker's own list, which is the
// ledger itself.
func (d *Dialer) ListOf(name string) (consent.List, error) {
	for _, list := range d.Pack().Lists() {
		switch {
		case !strings.EqualFold(list.Name, name):
		case list.Name == internalList:
			return list, fmt.Errorf("%q is the ledger's own list of objections and always fresh: %w", list.Name, ErrListUnused)
		case !list.Applied:
			return list, fmt.Errorf("rule %s of pack %s: %s: %w", list.Rule.ID, d.Pack().Code(), list.Rule.Source, ErrListUnused)
		default:
			return list, nil
		}
	}
	return consent.List{}, fmt.Errorf("%q: %w", name, ErrNoList)
}

// CheckListDate refuses a file that is older than the one in force: somebody
// who was entered since would fall off the list.
func (d *Dialer) CheckListDate(name string, fileDate time.Time) error {
	var inForce ListFile
	var found bool
	err := d.ledger.View(func(tx Tx) error {
		inForce, found = books{tx}.listFile(name)
		return nil
	})
	if err != nil {
		return fmt.Errorf("look list %s up: %w", name, err)
	}
	if found && fileDate.Before(inForce.FileDate) {
		return fmt.Errorf("a file of %s, while one of %s was imported: %w",
			fileDate.Format(time.DateOnly), inForce.FileDate.Format(time.DateOnly), ErrListOlder)
	}
	return nil
}

// ReplaceList puts a list in the place of the one that was there, all or
// nothing. Rows must come in ascending order of contacts, each contact once.
// Progress is told how many are written.
func (d *Dialer) ReplaceList(ctx context.Context, file ListFile, rows iter.Seq2[ListRow, error], progress func(written uint64)) error {
	d.listing.Lock()
	defer d.listing.Unlock()
	begun := new(beginListMove)
	if err := d.ledger.Commit(ctx, begun); err != nil {
		return fmt.Errorf("begin list %s: %w", file.Name, err)
	}
	part := &listRowsMove{name: file.Name, generation: begun.generation}
	write := func() error {
		if len(part.rows) == 0 {
			return nil
		}
		if err := d.ledger.Commit(ctx, part); err != nil {
			return fmt.Errorf("write list %s: %w", file.Name, err)
		}
		part = &listRowsMove{name: file.Name, generation: begun.generation}
		progress(file.Rows)
		return nil
	}
	file.Rows = 0
	for row, err := range rows {
		if err != nil {
			return fmt.Errorf("read the rows of list %s: %w", file.Name, err)
		}
		file.Rows++
		if part.rows = append(part.rows, row); len(part.rows) == planChunk {
			if err := write(); err != nil {
				return err
			}
		}
	}
	if err := write(); err != nil {
		return err
	}
	return d.finishList(ctx, file, begun.generation)
}

// NoteList notes that a list of objections was read whole: its rows are
// objections by now, and what is left to know of it is its age.
func (d *Dialer) NoteList(ctx context.Context, file ListFile) error {
	d.listing.Lock()
	defer d.listing.Unlock()
	return d.finishList(ctx, file, 0)
}

func (d *Dialer) finishList(ctx context.Context, file ListFile, generation uint32) error {
	move := &finishListMove{file: file, generation: generation}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return fmt.Errorf("put list %s in force: %w", file.Name, err)
	}
	if move.older {
		return fmt.Errorf("list %s: %w", file.Name, ErrListOlder)
	}
	d.wake()
	return d.sweepList(ctx, file.Name)
}

// sweepLists removes what imports that were cut short have left.
func (d *Dialer) sweepLists(ctx context.Context) error {
	d.listing.Lock()
	defer d.listing.Unlock()
	var names []string
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		for name := b.listAfter(""); name != ""; name = b.listAfter(name) {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the lists: %w", err)
	}
	for _, name := range names {
		if err := d.sweepList(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// sweepList removes the rows of all generations of a list but the one in force.
func (d *Dialer) sweepList(ctx context.Context, name string) error {
	for {
		move := &sweepListMove{name: name}
		if err := d.ledger.Commit(ctx, move); err != nil {
			return fmt.Errorf("remove old rows of list %s: %w", name, err)
		}
		if !move.more {
			return nil
		}
	}
}

type beginListMove struct{ generation uint32 }

// Apply names a generation that no row has.
func (m *beginListMove) Apply(tx Tx) { m.generation = uint32(books{tx}.next(sequenceList)) }

type listRowsMove struct {
	name       string
	generation uint32
	rows       []ListRow
}

// Apply writes some rows, which nobody reads yet.
func (m *listRowsMove) Apply(tx Tx) {
	for i := range m.rows {
		row := &m.rows[i]
		tx.Put(BucketList, listRowKey(m.name, m.generation, row.Contact), row.append(nil))
	}
}

type finishListMove struct {
	file       ListFile
	generation uint32
	older      bool
}

// Apply puts the rows in force.
func (m *finishListMove) Apply(tx Tx) {
	b := books{tx}
	known, found := b.listFile(m.file.Name)
	if m.older = found && m.file.FileDate.Before(known.FileDate); m.older {
		return
	}
	text, err := json.Marshal(m.file)
	if err != nil {
		b.Fail(fmt.Errorf("write list %s: %w", m.file.Name, err))
		return
	}
	head := binary.BigEndian.AppendUint32(nil, m.generation)
	head = binary.BigEndian.AppendUint64(head, uint64(nanoseconds(m.file.FileDate)))
	b.Put(BucketList, listKey(m.file.Name), append(head, text...))
	b.audit(auditControl, fmt.Appendf(nil, "%s list %s of %s imported by %s: %d rows, hash %x", m.file.ImportedAt.UTC().Format(time.RFC3339Nano),
		m.file.Name, m.file.FileDate.UTC().Format(time.RFC3339), m.file.Operator, m.file.Rows, m.file.FileHash))
}

type sweepListMove struct {
	name string
	more bool
}

// Apply removes some rows of generations that are not in force.
func (m *sweepListMove) Apply(tx Tx) {
	b := books{tx}
	head := b.listHead(m.name)
	var doomed [][]byte
	from := listRowKey(m.name, 0, contact.ID{})
	for {
		generation, found := b.generationFrom(m.name, from)
		if !found {
			break
		}
		if generation == head.generation {
			from = listRowKey(m.name, generation+1, contact.ID{})
			continue
		}
		for key := range b.prefixed(BucketList, listRowKey(m.name, generation, contact.ID{})[:len(m.name)+1+4]) {
			if m.more = len(doomed) == planChunk; m.more {
				break
			}
			doomed = append(doomed, append([]byte(nil), key...))
		}
		if m.more {
			break
		}
		from = listRowKey(m.name, generation+1, contact.ID{})
	}
	for _, key := range doomed {
		b.Delete(BucketList, key)
	}
}

// generationFrom returns the generation of the first row from the key on.
func (b books) generationFrom(name string, from []byte) (uint32, bool) {
	for key := range b.Rows(BucketList, from) {
		prefix := listKey(name)
		if len(key) != len(prefix)+4+contact.IDSize || string(key[:len(prefix)]) != string(prefix) {
			return 0, false
		}
		return binary.BigEndian.Uint32(key[len(prefix):]), true
	}
	return 0, false
}

// listAfter returns the name of the list that comes after that one, empty for
// none. A list that was never finished has rows and no head.
func (b books) listAfter(name string) string {
	from := []byte{0}
	if name != "" {
		from = append([]byte(name), 1) // behind all rows of that list
	}
	for key := range b.Rows(BucketList, from) {
		next, _, _ := strings.Cut(string(key), "\x00")
		return next
	}
	return ""
}

func listKey(name string) []byte { return append([]byte(name), 0) }

func listRowKey(name string, generation uint32, id contact.ID) []byte {
	return append(binary.BigEndian.AppendUint32(listKey(name), generation), id[:]...)
}

// listHead is what decisions need to know of a list.
type listHead struct {
	generation uint32
	fileDate   time.Time
	found      bool
}

const listHeadSize = 4 + 8

func (b books) listHead(name string) listHead {
	row := b.Get(BucketList, listKey(name))
	if len(row) < listHeadSize {
		return listHead{}
	}
	return listHead{binary.BigEndian.Uint32(row), instant(int64(binary.BigEndian.Uint64(row[4:]))), true}
}

// listFile returns what is known of a list, and whether there is one.
func (b books) listFile(name string) (ListFile, bool) {
	var file ListFile
	row := b.Get(BucketList, listKey(name))
	if row == nil {
		return file, false
	}
	if len(row) < listHeadSize || json.Unmarshal(row[listHeadSize:], &file) != nil {
		b.Fail(fmt.Errorf("list %s: its row cannot be read", name))
		return file, false
	}
	return file, true
}

func (r *ListRow) append(row []byte) []byte {
	row = append(row, byte(r.Answer))
	return binary.BigEndian.AppendUint64(row, uint64(nanoseconds(r.Since)))
}

// listEntry is what a list says of the contact, and whether there is such a
// list. One that is not there is left to the rules, to which it is stale.
func (b books) listEntry(name string, id contact.ID) (consent.ListEntry, bool) {
	head := b.listHead(name)
	if !head.found {
		return consent.ListEntry{}, false
	}
	entry := consent.ListEntry{Name: name, FileAt: head.fileDate}
	if head.generation == 0 {
		return entry, true // its rows are objections
	}
	row := b.Get(BucketList, listRowKey(name, head.generation, id))
	if row == nil {
		return entry, true
	}
	if len(row) != 1+8 {
		b.Fail(fmt.Errorf("list %s: the row of contact %s cannot be read", name, id))
		return entry, true
	}
	entry.Hit = true
	entry.Answer, entry.Since = consent.Reassigned(row[0]), instant(int64(binary.BigEndian.Uint64(row[1:])))
	return entry, true
}
