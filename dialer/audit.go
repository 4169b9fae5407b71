package dialer

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// auditKind says what an entry of the audit log is about.
type auditKind byte

const (
	auditIntent auditKind = 'i'
	// auditFound is an attempt of which only the carrier knew: a reconcile has
	// entered it, and the decision behind it is lost.
	auditFound     auditKind = 'f'
	auditObjection auditKind = 'o'
	auditControl   auditKind = 'c'
	auditReport    auditKind = 'r'
)

// audit appends an entry: the leaf is a hash, kept for ever, of the body, which
// stands apart so that it can be deleted when its time is over.
func (b books) audit(kind auditKind, body []byte) {
	key := binary.BigEndian.AppendUint64(nil, b.next(sequenceAudit))
	entry := append([]byte{byte(kind)}, body...)
	leaf := sha256.Sum256(entry)
	b.Put(BucketAudit, key, leaf[:])
	b.Put(BucketAuditBody, key, entry)
}

// packIndex returns the short number under which a pack's version is kept.
func (b books) packIndex(version string) uint16 {
	key := []byte("version." + version)
	if row := b.Get(BucketPack, key); len(row) == 2 {
		return binary.BigEndian.Uint16(row)
	}
	var count uint16
	for range b.prefixed(BucketPack, []byte("version.")) {
		count++
	}
	index := count + 1
	b.Put(BucketPack, key, binary.BigEndian.AppendUint16(nil, index))
	b.Put(BucketPack, packKey(index), []byte(version))
	return index
}

// packVersion returns the pack's version that is kept under the number, empty
// for none.
func (b books) packVersion(index uint16) string { return string(b.Get(BucketPack, packKey(index))) }

// packKey finds the version behind a short number.
func packKey(index uint16) []byte { return fmt.Appendf(nil, "index.%05d", index) }
