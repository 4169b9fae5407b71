package dialer

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// Grant is one consent with the evidence for it (GDPR art. 7(1)).
type Grant struct {
	Contact contact.ID
	consent.Grant
	// Wording is what the contact agreed to, kept once for all who agreed to
	// the same, and WordingVersion the collector's name for it.
	Wording        string
	WordingVersion string
	// Evidence refers to the collector's own record.
	Evidence string
	// Source is the list it was imported from, SourceHash that file's SHA-256.
	Source     string
	SourceHash [sha256.Size]byte
	ImportedAt time.Time
}

// same tells whether two grants say the same, so that the second import of a
// list changes nothing.
func (g *Grant) same(row []byte) bool {
	old, err := readGrant(row, asString)
	if err != nil {
		return false
	}
	old.Version = g.Version
	return old.GivenAt.Equal(g.GivenAt) && old.Channel == g.Channel && old.Party == g.Party &&
		old.Purpose == g.Purpose && old.CollectedFrom == g.CollectedFrom && old.Explicit == g.Explicit &&
		old.Slot == g.Slot && old.WordingHash == g.WordingHash && old.Evidence == g.Evidence
}

func (g *Grant) append(row []byte) []byte {
	row = append(row, byte(g.Channel), flag(g.Explicit))
	row = binary.BigEndian.AppendUint32(row, uint32(g.Slot.Start))
	row = binary.BigEndian.AppendUint32(row, uint32(g.Slot.End))
	row = binary.BigEndian.AppendUint64(row, uint64(nanoseconds(g.GivenAt)))
	row = binary.BigEndian.AppendUint64(row, uint64(nanoseconds(g.ImportedAt)))
	row = append(row, g.WordingHash[:]...)
	row = append(row, g.SourceHash[:]...)
	for _, text := range []string{g.Party, g.Purpose, g.CollectedFrom, g.WordingVersion, g.Evidence, g.Source} {
		row = binary.AppendUvarint(row, uint64(len(text)))
		row = append(row, text...)
	}
	return row
}

const grantHead = 1 + 1 + 4 + 4 + 8 + 8 + 2*sha256.Size

var errGrantRow = errors.New("grant row cannot be read")

// readGrant reads a row. The text function turns bytes into a string, so that
// a caller who reads many can keep one copy of each.
func readGrant(row []byte, text func([]byte) string) (Grant, error) {
	var g Grant
	var rest []byte
	var err error
	if g.Grant, rest, err = readConsent(row, text); err != nil {
		return g, err
	}
	g.ImportedAt = instant(int64(binary.BigEndian.Uint64(row[18:])))
	g.SourceHash = [sha256.Size]byte(row[58:90])
	for _, field := range [...]*string{&g.WordingVersion, &g.Evidence, &g.Source} {
		var found []byte
		if found, rest, err = grantText(rest); err != nil {
			return g, err
		}
		*field = text(found)
	}
	return g, nil
}

// readConsent reads of a row what the rules do, and returns what follows.
func readConsent(row []byte, text func([]byte) string) (g consent.Grant, rest []byte, err error) {
	if len(row) < grantHead {
		return g, nil, errGrantRow
	}
	g.Channel, g.Explicit = contact.Channel(row[0]), row[1] != 0
	g.Slot = consent.Slot{Start: int32(binary.BigEndian.Uint32(row[2:])), End: int32(binary.BigEndian.Uint32(row[6:]))}
	g.GivenAt = instant(int64(binary.BigEndian.Uint64(row[10:])))
	g.WordingHash = [sha256.Size]byte(row[26:58])
	rest = row[grantHead:]
	for _, field := range [...]*string{&g.Party, &g.Purpose, &g.CollectedFrom} {
		var found []byte
		if found, rest, err = grantText(rest); err != nil {
			return g, nil, err
		}
		*field = text(found)
	}
	return g, rest, nil
}

// grantText returns the text at the beginning of the row's rest, and what follows.
func grantText(row []byte) (text, rest []byte, err error) {
	length, n := binary.Uvarint(row)
	if n <= 0 || uint64(len(row)-n) < length {
		return nil, nil, errGrantRow
	}
	return row[n : n+int(length)], row[n+int(length):], nil
}

func grantKey(id contact.ID, version uint32) []byte {
	return binary.BigEndian.AppendUint32(append([]byte(nil), id[:]...), version)
}

func grantVersion(key []byte) uint32 { return binary.BigEndian.Uint32(key[contact.IDSize:]) }

// RecordGrants enters grants. What a contact has granted before stays, each
// with a version of its own; what is there already is not entered again.
type RecordGrants struct {
	Grants []Grant
	// Added and Known count, once committed, the new ones and the others; Erased
	// those of contacts who asked for erasure, of whom nothing is kept.
	Added, Known, Erased int
}

// Apply enters the grants.
func (m *RecordGrants) Apply(tx Tx) {
	b := books{tx}
	for i := range m.Grants {
		g := &m.Grants[i]
		if b.Get(BucketErased, g.Contact[:]) != nil {
			m.Erased++
			continue
		}
		var version uint32
		known := false
		for key, row := range b.prefixed(BucketGrant, g.Contact[:]) {
			version = grantVersion(key)
			known = known || g.same(row)
		}
		if known {
			m.Known++
			continue
		}
		g.Version = version + 1
		b.Put(BucketGrant, grantKey(g.Contact, g.Version), g.append(nil))
		b.keepWording(g.WordingHash, g.Wording)
		m.Added++
	}
	if m.Added > 0 {
		b.next(sequenceGrant)
	}
}

// keepWording keeps words under their hash, once for all who agreed to them or
// were sent them.
func (b books) keepWording(hash [sha256.Size]byte, words string) {
	if b.Get(BucketWording, hash[:]) == nil {
		b.Put(BucketWording, bytes.Clone(hash[:]), []byte(words))
	}
}

// grants appends the contact's grants to list, as the rules read them.
func (b books) grants(id contact.ID, list []consent.Grant, text func([]byte) string) []consent.Grant {
	for key, row := b.First(BucketGrant, id[:]); bytes.HasPrefix(key, id[:]); key, row = b.First(BucketGrant, following(key)) {
		g, _, err := readConsent(row, text)
		if err != nil {
			b.Fail(fmt.Errorf("contact %s: %w", id, err))
			return list
		}
		g.Version = grantVersion(key)
		list = append(list, g)
	}
	return list
}
