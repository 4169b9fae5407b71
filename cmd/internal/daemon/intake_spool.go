package daemon

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
)

// intakeSpool keeps the grants of a session until all its files have been read,
// and brings them into the order of their contacts, in which the ledger takes
// them many times faster than in any other. Its working files hold no number.
type intakeSpool struct {
	rows *store.SortedRows
	// hashes are those of the files read so far, in their order.
	hashes [][sha256.Size]byte
	row    []byte // scratch

	take func() (store.SortedRow, error, bool)
	stop func()
	// words are texts that most grants share, and wordings their hashes.
	words    map[string]string
	wordings map[string][sha256.Size]byte
}

// sharedWords bounds how many texts are kept to be shared.
const sharedWords = 1024

func newIntakeSpool(folder string) (*intakeSpool, error) {
	rows, err := store.NewSortedRows(folder, 0)
	if err != nil {
		return nil, err
	}
	return &intakeSpool{rows: rows, stop: func() {}, words: map[string]string{}, wordings: map[string][sha256.Size]byte{}}, nil
}

// grantTexts are the texts of a grant, in the order in which the spool has them.
func grantTexts(g *dialer.Grant) [6]*string {
	return [...]*string{&g.Party, &g.Purpose, &g.CollectedFrom, &g.Wording, &g.WordingVersion, &g.Evidence}
}

// spoolHead is the file (4 bytes), the channel, whether it was explicit, the slot
// (8) and the instant (8); the texts follow, each behind its length.
const spoolHead = 4 + 1 + 1 + 8 + 8

func (s *intakeSpool) add(g *dialer.Grant) error {
	row := binary.BigEndian.AppendUint32(s.row[:0], uint32(len(s.hashes)))
	explicit := byte(0)
	if g.Explicit {
		explicit = 1
	}
	row = append(row, byte(g.Channel), explicit)
	row = binary.BigEndian.AppendUint32(row, uint32(g.Slot.Start))
	row = binary.BigEndian.AppendUint32(row, uint32(g.Slot.End))
	row = binary.BigEndian.AppendUint64(row, uint64(g.GivenAt.UnixNano()))
	for _, text := range grantTexts(g) {
		row = binary.AppendUvarint(row, uint64(len(*text)))
		row = append(row, *text...)
	}
	s.row = row
	return s.rows.Add(g.Contact, row)
}

func (s *intakeSpool) endFile(hash [sha256.Size]byte) { s.hashes = append(s.hashes, hash) }

// count returns how many grants were added.
func (s *intakeSpool) count() uint64 { return s.rows.Count() }

// rewind ends writing and begins reading.
func (s *intakeSpool) rewind() { s.take, s.stop = iter.Pull2(s.rows.Rows()) }

var errSpool = errors.New("a working file of grants cannot be read")

// next returns the next grant in the order of contacts; those of one contact
// come as they were added. The error is io.EOF behind the last one.
func (s *intakeSpool) next() (g dialer.Grant, err error) {
	row, err, more := s.take()
	switch {
	case !more:
		return g, io.EOF
	case err != nil:
		return g, fmt.Errorf("read a working file of grants: %w", err)
	case len(row.Row) < spoolHead:
		return g, errSpool
	}
	head, texts := row.Row[:spoolHead], row.Row[spoolHead:]
	g.Contact, g.SourceHash = row.ID, s.hashes[binary.BigEndian.Uint32(head)]
	g.Channel, g.Explicit = contact.Channel(head[4]), head[5] == 1
	g.Slot = consent.Slot{Start: int32(binary.BigEndian.Uint32(head[6:])), End: int32(binary.BigEndian.Uint32(head[10:]))}
	g.GivenAt = time.Unix(0, int64(binary.BigEndian.Uint64(head[14:])))
	for _, text := range grantTexts(&g) {
		length, n := binary.Uvarint(texts)
		if n <= 0 || uint64(len(texts)-n) < length {
			return g, errSpool
		}
		*text, texts = s.word(texts[n:n+int(length)]), texts[n+int(length):]
	}
	g.WordingHash = s.hashOf(g.Wording)
	return g, nil
}

// word returns the bytes as a string, one copy for all grants that say the same.
func (s *intakeSpool) word(text []byte) string {
	if known, shared := s.words[string(text)]; shared {
		return known
	}
	word := string(text)
	if len(s.words) < sharedWords {
		s.words[word] = word
	}
	return word
}

func (s *intakeSpool) hashOf(wording string) [sha256.Size]byte {
	hash, known := s.wordings[wording]
	if !known {
		hash = sha256.Sum256([]byte(wording))
		if len(s.wordings) < sharedWords {
			s.wordings[wording] = hash
		}
	}
	return hash
}

// close removes the working files. A second close does nothing.
func (s *intakeSpool) close() error {
	s.stop()
	return s.rows.Close()
}
