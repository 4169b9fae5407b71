package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// DirectoryBuilderOptions say what a new directory file is made from.
type DirectoryBuilderOptions struct {
	// Path is the directory file that Build replaces.
	Path string
	// Old is the directory whose contacts are kept where the import has no
	// newer row; nil for none. It must stay open until Build has returned.
	Old *Directory
	// Keys seal the numbers. They must open Old, whose numbers are sealed anew where
	// it is from before a rotation of the seal key.
	Keys *Keys
	// Attributes are the declared columns. Old may have others: its rows are
	// renumbered by name.
	Attributes []dialer.Attribute
	// DropUndeclared lets attributes and values go that Old has and Attributes
	// lacks. Otherwise the build is refused, since a renamed value would
	// silently be taken from every contact.
	DropUndeclared bool
	// Erased tells which contacts are left out, whether they are in Old or in
	// the import. Nil leaves out nobody.
	Erased func(contact.ID) bool
	// Correct returns what corrects the row of a contact, whether it is in Old or
	// in the import, nil where nothing does. It may be nil itself.
	Correct func(contact.ID) func(*dialer.Contact)
	// Duplicate is told, during Build, which rows were not used because an
	// earlier one was for the same contact: how many rows were added before
	// it. It may be nil.
	Duplicate func(ordinal uint64)
	// BuiltAt is noted in the file; the present instant where it is zero.
	BuiltAt time.Time
	// Memory bounds what is sorted at a time, in bytes; 64 MiB where it is 0.
	Memory int
}

// DirectoryBuilder makes a new directory file out of an import and the old
// one. Rows are sealed as they come, so that its working files hold no number.
// It is not safe for concurrent use, while its packers are, each for one
// goroutine. Nothing that it does can be seen before Build returns; a builder
// that is not built must be aborted.
type DirectoryBuilder struct {
	options DirectoryBuilderOptions
	folder  string
	growing *growing
	packer  *Packer // of Add and of the merge
	sorter  *sorter
	row     []byte
	err     error // sticky
	done    bool
}

// workingFolder returns the beginning and the end of the names of the folders
// that builders of the directory at path work in.
func workingFolder(path string) (prefix, suffix string) {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)) + ".", tempSuffix
}

// removeLeftovers removes the working folders of imports that were killed.
func removeLeftovers(path string) error {
	prefix, suffix := workingFolder(path)
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("look for leftovers of imports: %w", err)
	}
	for _, entry := range entries {
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), prefix) || !strings.HasSuffix(entry.Name(), suffix) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(filepath.Dir(path), entry.Name())); err != nil {
			return fmt.Errorf("remove leftover of an import: %w", err)
		}
	}
	return nil
}

// NewDirectoryBuilder prepares an import.
func NewDirectoryBuilder(options DirectoryBuilderOptions) (*DirectoryBuilder, error) {
	if options.Memory <= 0 {
		options.Memory = sortMemory
	}
	if options.BuiltAt.IsZero() {
		options.BuiltAt = time.Now()
	}
	b := &DirectoryBuilder{options: options}
	if err := b.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("begin import: %w", err), b.Abort())
	}
	return b, nil
}

func (b *DirectoryBuilder) prepare() (err error) {
	if b.options.Keys == nil {
		return errors.New("there are no keys to seal numbers with")
	}
	start := tables{}
	if old := b.options.Old; old != nil {
		if err := b.checkOld(); err != nil {
			return err
		}
		start = old.tables.clone()
	}
	start.Attributes = b.options.Attributes
	start.BuiltAt = b.options.BuiltAt.UTC()
	b.growing = newGrowing(start)
	if b.packer, err = b.Packer(); err != nil {
		return err
	}
	prefix, suffix := workingFolder(b.options.Path)
	if b.folder, err = os.MkdirTemp(filepath.Dir(b.options.Path), prefix+"*"+suffix); err != nil {
		return fmt.Errorf("make working folder: %w", err)
	}
	b.sorter = newSorter(b.folder, b.options.Memory)
	return nil
}

func (b *DirectoryBuilder) checkOld() error {
	old := b.options.Old
	if lost := newColumns(old.tables.Attributes, b.options.Attributes).lost; len(lost) > 0 && !b.options.DropUndeclared {
		return fmt.Errorf("the directory has what is no longer declared: %s; declare it again, or let it go on purpose", strings.Join(lost, ", "))
	}
	if err := old.enter(); err != nil {
		return err
	}
	defer func() { _ = old.leave() }() // only read
	return checkKeys(old.tx.Bucket(directoryMeta), b.options.Keys)
}

// Source returns the place of a list that contacts come from, for
// Contact.Source, adding it where the directory does not know it yet. Collected
// is when the contacts were: how long they may be kept counts from then. The
// zero time stands for the build's own.
func (b *DirectoryBuilder) Source(name string, collected time.Time) (uint16, error) {
	if collected.IsZero() {
		collected = b.options.BuiltAt
	}
	return b.growing.addSource(name, collected.UTC())
}

// MarkSynthetic notes for good that the directory holds invented people.
func (b *DirectoryBuilder) MarkSynthetic() { b.growing.markSynthetic() }

// Add packs and takes one row: see Packer.Pack and Take.
func (b *DirectoryBuilder) Add(row *dialer.Contact, number contact.Number) error {
	packed, err := b.packer.Pack(b.row[:0], row, number)
	if err != nil {
		return errors.Join(err, b.err)
	}
	b.row = packed
	return b.Take(row.ID, packed)
}

// Take takes one packed row, in any order of IDs. The first row of a contact
// wins. An error, such as that of a full disk, ends the import: Build returns it
// as well.
func (b *DirectoryBuilder) Take(id contact.ID, packed []byte) error {
	if b.err != nil {
		return b.err
	}
	if b.done {
		return errBuilt
	}
	if err := b.sorter.add(id, packed); err != nil {
		b.err = fmt.Errorf("add contact: %w", err)
	}
	return b.err
}

var errBuilt = errors.New("the import is already built or aborted")

// Counts says what came of an import. Added, Updated, Unchanged and Kept make
// up Total.
type Counts struct {
	// Added contacts are new, Updated ones have other values than before,
	// Unchanged ones the same.
	Added, Updated, Unchanged uint64
	// Duplicates are rows not used since an earlier row was for the same
	// contact.
	Duplicates uint64
	// Kept contacts were in the old directory only.
	Kept uint64
	// Erased contacts were left out.
	Erased uint64
	// Total is how many contacts the new directory has.
	Total uint64
}

// Build merges the import and the old directory into a new file and puts it in
// the place of the old one, whole or not at all: after an error, or when the
// process is killed, the directory is as before. (Where the very last sync, of
// the folder, fails, the new one may be in place already.) Progress is told from time to
// time how many rows were read, of how many; it may be nil. The builder is of
// no use afterwards. See Directories.Reload for what comes next.
func (b *DirectoryBuilder) Build(ctx context.Context, progress func(built, total uint64)) (Counts, error) {
	if b.done {
		return Counts{}, fmt.Errorf("build directory: %w", errBuilt)
	}
	counts, err := b.build(ctx, progress)
	if err := errors.Join(err, b.Abort()); err != nil {
		return Counts{}, fmt.Errorf("build directory: %w", err)
	}
	return counts, nil
}

func (b *DirectoryBuilder) build(ctx context.Context, progress func(built, total uint64)) (counts Counts, err error) {
	if b.err != nil {
		return counts, b.err
	}
	if err := b.sorter.finish(); err != nil { // which frees the memory that the load needs
		return counts, err
	}
	built := filepath.Join(b.folder, "built")
	load, err := newLoad(built, b.rows(), b.options.Attributes)
	if err != nil {
		return counts, err
	}
	merge := &merge{builder: b, ctx: ctx, progress: progress, load: load}
	err = merge.run()
	if err == nil {
		counts = merge.counts
		tables := b.growing.settled()
		tables.Count, tables.Cells = counts.Total, true
		err = load.finish(func(btx *bolt.Tx) error { return tables.write(btx, b.options.Keys) })
	}
	if err := errors.Join(err, load.close()); err != nil {
		return counts, err
	}
	if err := ctx.Err(); err != nil {
		return counts, err
	}
	if err := os.Rename(built, b.options.Path); err != nil {
		return counts, fmt.Errorf("put the new file in place: %w", err)
	}
	return counts, syncDir(filepath.Dir(b.options.Path))
}

// rows returns how many rows there are to read.
func (b *DirectoryBuilder) rows() uint64 {
	if b.options.Old == nil {
		return b.sorter.count
	}
	return b.sorter.count + b.options.Old.tables.Count
}

// Abort drops the import and removes its working files. After Build it does
// nothing.
func (b *DirectoryBuilder) Abort() error {
	if b.done {
		return nil
	}
	b.done = true
	if b.folder == "" {
		return nil
	}
	b.sorter.drop()
	if err := os.RemoveAll(b.folder); err != nil {
		return fmt.Errorf("remove working files: %w", err)
	}
	return nil
}
