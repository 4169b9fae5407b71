package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/audit"
)

// Checkpoints of the audit log are signed on a timer, when a report is released, and
// when the daemon stops. They stand in files of their own, outside the ledger and
// its backups: a ledger that is put back from a copy is found to lack what they
// speak of, and says so itself.

const (
	// checkpointEvery is how often, in real time, a log that has grown is signed.
	checkpointEvery = 10 * time.Minute
	// checkpointLook is how often the tree is brought up to the log.
	checkpointLook = time.Second
	// leavesAtOnce bounds how many leaves are read in one view of the ledger.
	leavesAtOnce = 50_000
)

// checkpoints keeps the tree of the audit log's present year.
type checkpoints struct {
	ledger dialer.Ledger
	folder string
	origin string
	key    audit.Key

	mu   sync.Mutex
	tree audit.Tree
	year dialer.AuditYear
	next uint64 // the entry that the tree takes next
	// kept is the last checkpoint in the files, lost tells that the log does not have
	// what it speaks of.
	kept   audit.Checkpoint
	signed []byte
	lost   bool
	at     time.Time // when it was tried to sign last, in real time
}

func (d *Daemon) openCheckpoints() error {
	c := &checkpoints{ledger: d.ledger, folder: d.config.CheckpointsDirectory(), origin: d.keys.AuditOrigin(), next: 1}
	var err error
	if c.key, err = audit.NewKey(c.origin, d.keys.AuditSeed()); err != nil {
		return err
	}
	if err := os.MkdirAll(c.folder, 0o700); err != nil {
		return fmt.Errorf("make the folder of checkpoints: %w", err)
	}
	if err := c.publishKey(); err != nil {
		return err
	}
	d.checkpoints = c
	return c.readKept()
}

// publishKey writes the public half of the key beside the checkpoints.
func (c *checkpoints) publishKey() error {
	path := filepath.Join(c.folder, "audit.pub")
	if written, err := os.ReadFile(path); err == nil && string(written) == c.key.Verifier()+"\n" {
		return nil
	}
	if err := os.WriteFile(path, []byte(c.key.Verifier()+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the audit log's public key: %w", err)
	}
	return nil
}

func (c *checkpoints) file(year int) string {
	return filepath.Join(c.folder, fmt.Sprintf("checkpoints-%04d.notes", year))
}

// readKept finds the last checkpoint of the last year that has any.
func (c *checkpoints) readKept() error {
	files, err := filepath.Glob(filepath.Join(c.folder, "checkpoints-*.notes")) // in order
	if err != nil || len(files) == 0 {
		return err
	}
	newest := files[len(files)-1]
	if err := cutTorn(newest); err != nil {
		return err
	}
	c.kept, c.signed, err = c.lastOf(newest)
	return err
}

// cutTorn takes away what a crash has left of a checkpoint at a file's end, or the
// next one would be written behind it.
func cutTorn(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read checkpoints: %w", err)
	}
	whole := 0
	for _, note := range audit.Split(content) {
		whole += len(note) + 1 // an empty line follows each
	}
	if whole == len(content) {
		return nil
	}
	if err := os.Truncate(path, int64(whole)); err != nil {
		return fmt.Errorf("cut off a torn checkpoint: %w", err)
	}
	return nil
}

// lastOf returns the last checkpoint of a file, none where there is none.
func (c *checkpoints) lastOf(path string) (audit.Checkpoint, []byte, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return audit.Checkpoint{}, nil, nil
	}
	if err != nil {
		return audit.Checkpoint{}, nil, fmt.Errorf("read checkpoints: %w", err)
	}
	notes := audit.Split(content)
	if len(notes) == 0 {
		return audit.Checkpoint{}, nil, nil
	}
	last := notes[len(notes)-1]
	checkpoint, err := audit.Open(last, c.key.Verifier())
	if err != nil {
		return checkpoint, nil, fmt.Errorf("%s: the last checkpoint: %w (if the keys are right, move the file away, and keep it)", path, err)
	}
	return checkpoint, last, nil
}

// follow brings the tree up to the log. It holds what it comes by against the
// checkpoint that was kept last.
func (c *checkpoints) follow(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ctx.Err() == nil {
		read := 0
		err := c.ledger.View(func(tx dialer.Tx) error {
			years := dialer.AuditYears(tx)
			if len(years) == 0 {
				return nil // the first year takes in what was entered before it began
			}
			for sequence, leaf := range dialer.AuditLeaves(tx, c.next) {
				c.add(years, sequence, audit.Leaf(leaf))
				if read++; read == leavesAtOnce {
					return nil
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read the audit log: %w", err)
		}
		if read < leavesAtOnce {
			break
		}
	}
	return ctx.Err()
}

func (c *checkpoints) add(years []dialer.AuditYear, sequence uint64, leaf audit.Leaf) {
	for _, year := range years {
		if sequence >= year.First && year.Year > c.year.Year {
			c.lost = c.lost || year.Year > c.kept.Year && c.shorter()
			c.tree, c.year = audit.Tree{}, year
		}
	}
	c.tree.Add(leaf)
	c.next = sequence + 1
	if c.year.Year == c.kept.Year && c.tree.Size() == c.kept.Size {
		c.lost = c.tree.Root() != c.kept.Root
	}
}

// lacks tells whether the log is not the one of the checkpoint that was kept last.
func (c *checkpoints) lacks() (audit.Checkpoint, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept, c.lost || c.shorter()
}

// shorter tells whether the tree ends before the checkpoint that was kept last.
func (c *checkpoints) shorter() bool {
	return c.kept.Size > 0 && (c.year.Year < c.kept.Year || c.year.Year == c.kept.Year && c.tree.Size() < c.kept.Size)
}

// sign signs the tree as it is and keeps that, unless it was signed already.
func (c *checkpoints) sign(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = time.Now()
	root := c.tree.Root()
	if c.tree.Size() == 0 || c.kept.Year == c.year.Year && c.kept.Size == c.tree.Size() && c.kept.Root == root {
		return nil
	}
	checkpoint := audit.Checkpoint{Origin: c.origin, Year: c.year.Year, Size: c.tree.Size(), Root: root, At: now}
	signed, err := c.key.Sign(checkpoint)
	if err != nil {
		return err
	}
	if err := appendSynced(c.file(c.year.Year), append(signed, '\n')); err != nil {
		return fmt.Errorf("keep a checkpoint: %w", err)
	}
	c.kept, c.signed, c.lost = checkpoint, signed, false
	return nil
}

// before returns the last checkpoints of the years before one, the oldest first.
func (c *checkpoints) before(year int) ([]string, error) {
	var earlier []string
	files, err := filepath.Glob(filepath.Join(c.folder, "checkpoints-*.notes")) // in order
	for _, path := range files {
		if path == c.file(year) {
			break
		}
		_, signed, err := c.lastOf(path)
		if err != nil {
			return nil, err
		}
		if len(signed) > 0 {
			earlier = append(earlier, string(signed))
		}
	}
	return earlier, err
}

// newest returns the last checkpoint that was signed.
func (c *checkpoints) newest() (audit.Checkpoint, []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept, c.signed
}

// due tells whether the tree has gone unsigned for long.
func (c *checkpoints) due() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.at) >= checkpointEvery
}

// hasten has the log signed at the next look.
func (c *checkpoints) hasten() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = time.Time{}
}

// leaves yields the leaves of the year whose log begins with an entry.
func (c *checkpoints) leaves(first uint64) audit.Leaves {
	return func(from, to int64) iter.Seq[audit.Leaf] {
		return func(yield func(audit.Leaf) bool) {
			for at := from; at < to; {
				part := c.part(first+uint64(at), min(to-at, leavesAtOnce))
				for _, leaf := range part {
					if !yield(leaf) {
						return
					}
				}
				if at += int64(len(part)); len(part) == 0 {
					return
				}
			}
		}
	}
}

// part returns at most so many leaves from an entry on; none where the ledger cannot
// be read, which whoever counts them notices.
func (c *checkpoints) part(from uint64, most int64) []audit.Leaf {
	var part []audit.Leaf
	_ = c.ledger.View(func(tx dialer.Tx) error {
		for _, leaf := range dialer.AuditLeaves(tx, from) {
			if part = append(part, audit.Leaf(leaf)); int64(len(part)) == most {
				break
			}
		}
		return nil
	})
	return part
}

// keepCheckpoints signs the audit log from time to time, until ctx ends, and then
// once more.
func (d *Daemon) keepCheckpoints(ctx context.Context) error {
	c := d.checkpoints
	if err := c.follow(ctx); err != nil {
		return ignoreEnd(ctx, err)
	}
	if kept, lacks := c.lacks(); lacks {
		d.log.Error().Str(dialer.FieldEvent, eventAuditWentBack).Int64("size", kept.Size).Time("at", kept.At).Send()
		if err := d.dialer.AdmitRollback(ctx, dialer.AuditLost{Year: kept.Year, Size: kept.Size, At: kept.At}); err != nil {
			return ignoreEnd(ctx, err)
		}
	}
	begun := 0
	err := everyReal(ctx, checkpointLook, func() error {
		if year := d.clock.Now().UTC().Year(); year > begun {
			// What the year before has entered since it was signed would stay unsigned.
			if err := c.follow(ctx); err != nil {
				return ignoreEnd(ctx, err)
			}
			d.trySign()
			if err := d.dialer.BeginAuditYear(ctx, year); err != nil {
				return ignoreEnd(ctx, err)
			}
			begun = year
		}
		if err := c.follow(ctx); err != nil {
			return ignoreEnd(ctx, err)
		}
		if c.due() {
			d.trySign()
		}
		return nil
	})
	if err == nil && d.ledger.Err() == nil {
		err = d.checkpoint()
	}
	return err
}

// trySign signs the log. Where its folder cannot be written, nothing but the proof
// is late: it is tried again.
func (d *Daemon) trySign() {
	if err := d.checkpoints.sign(d.clock.Now()); err != nil {
		d.log.Error().Str(dialer.FieldEvent, eventCheckpointFailed).Err(err).Send()
	}
}

// ignoreEnd is nil for what went wrong because the daemon is stopping.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// checkpoint signs the audit log as it is now.
func (d *Daemon) checkpoint() error {
	return d.bounded(func(ctx context.Context) error {
		if err := d.checkpoints.follow(ctx); err != nil {
			return err
		}
		return d.checkpoints.sign(d.clock.Now())
	})()
}
