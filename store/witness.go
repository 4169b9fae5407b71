package store

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hustings/hustings/dialer"
)

// markFormat is the whole content of the mark file: the life, the count and the
// CRC-32C of both, as text.
const markFormat = "hustings ledger mark 1\n%032x %d %08x\n"

// Witness keeps the ledger's newest mark in a file of its own, beside the
// journal: no backup takes it along. It implements dialer.Witness.
type Witness struct{ path string }

var _ dialer.Witness = (*Witness)(nil)

// NewWitness returns the keeper of the mark at path. There may be none yet.
func NewWitness(path string) *Witness { return &Witness{path} }

func markSum(mark dialer.Mark) uint32 {
	return crc32.Checksum(fmt.Appendf(nil, "%x %d", mark.Life, mark.Count), castagnoli)
}

// Last returns the mark that was kept last, the zero Mark where none was. What is
// there and no mark wraps dialer.ErrMarkDamaged.
func (w *Witness) Last() (dialer.Mark, error) {
	content, err := os.ReadFile(w.path)
	if errors.Is(err, fs.ErrNotExist) {
		return dialer.Mark{}, nil
	}
	if err != nil {
		return dialer.Mark{}, fmt.Errorf("read the ledger's mark: %w", err)
	}
	var mark dialer.Mark
	var life []byte
	var sum uint32
	_, err = fmt.Sscanf(string(content), markFormat, &life, &mark.Count, &sum)
	if err != nil || copy(mark.Life[:], life) != len(mark.Life) || sum != markSum(mark) {
		return dialer.Mark{}, fmt.Errorf("%w: %s is not as it was written", dialer.ErrMarkDamaged, filepath.Base(w.path))
	}
	return mark, nil
}

// Keep puts the mark in the last one's place: whole, or not at all.
func (w *Witness) Keep(mark dialer.Mark) error {
	temp := w.path + tempSuffix
	if err := writeSynced(temp, fmt.Appendf(nil, markFormat, mark.Life, mark.Count, markSum(mark))); err != nil {
		return fmt.Errorf("keep the ledger's mark: %w", err)
	}
	if err := os.Rename(temp, w.path); err != nil {
		return fmt.Errorf("keep the ledger's mark: %w", err)
	}
	return syncDir(filepath.Dir(w.path))
}
