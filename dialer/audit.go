package dialer

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// auditKind says what an entry of the audit log is about. It is the first byte of
// the entry's text.
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

// auditSalt is how many random bytes stand between an entry's kind and its body, so
// that nobody who has the leaf alone can guess what it is the hash of. Those of an
// attempt stand within its body.
const auditSalt = 16

func (k auditKind) salted() bool { return k != auditIntent && k != auditFound }

// audit appends an entry: the leaf is a hash, kept for ever, of the text, which
// stands apart so that it can be deleted when its time is over.
func (b books) audit(kind auditKind, body []byte) {
	key := binary.BigEndian.AppendUint64(nil, b.next(sequenceAudit))
	text := make([]byte, 1, 1+auditSalt+len(body))
	text[0] = byte(kind)
	if kind.salted() {
		text = text[:1+auditSalt]
		_, _ = rand.Read(text[1:]) // never fails (crypto/rand)
	}
	text = append(text, body...)
	leaf := sha256.Sum256(text)
	b.Put(BucketAudit, key, leaf[:])
	b.Put(BucketAuditBody, key, text)
}

// auditBody takes an entry's text apart. There is none in a text that no program of
// ours has written.
func auditBody(text []byte) (kind auditKind, body []byte) {
	if len(text) == 0 {
		return 0, nil
	}
	kind, body = auditKind(text[0]), text[1:]
	if kind.salted() {
		body = body[min(auditSalt, len(body)):]
	}
	return kind, body
}

// AuditLeaves yields the leaves of the audit log from an entry on, by the entries'
// numbers. A leaf is the caller's only until the next.
func AuditLeaves(tx Tx, from uint64) iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		for key, leaf := range tx.Rows(BucketAudit, binary.BigEndian.AppendUint64(nil, from)) {
			if !yield(binary.BigEndian.Uint64(key), leaf) {
				return
			}
		}
	}
}

// AuditText returns a copy of what an entry's leaf is the hash of, nil where it was
// deleted.
func AuditText(tx Tx, sequence uint64) []byte {
	return slices.Clone(tx.Get(BucketAuditBody, binary.BigEndian.AppendUint64(nil, sequence)))
}

// AuditWords puts an entry's text into words, with pseudonyms for contacts.
func AuditWords(text []byte) (kind, words string) {
	switch k, body := auditBody(text); k {
	case auditIntent, auditFound:
		kind = "intent"
		if k == auditFound {
			kind = "found at the carrier"
		}
		if len(body) < intentPart {
			return kind, ""
		}
		var a attemptRecord
		a.readIntent(body)
		return kind, fmt.Sprintf("%s campaign %d, contact %s, step %d, grant %d, text %x",
			a.intended.UTC().Format(time.RFC3339Nano), a.recipient.campaign(), a.contact, a.step, a.grant, a.text[:8])
	case auditObjection:
		return "objection", "an objection is in force"
	case auditReport:
		var report StoredReport
		_ = json.Unmarshal(body, &report) // one that cannot be read has no name
		return "report", strings.TrimSpace(report.Campaign + " released")
	case auditControl:
		return "control", string(body)
	default:
		return "", ""
	}
}

// AuditYear says with which entry the log of a year begins.
type AuditYear struct {
	Year  int
	First uint64
}

const metaAuditYear = "audit.year."

// AuditYears returns the years of the log, the oldest first.
func AuditYears(tx Tx) []AuditYear {
	var years []AuditYear
	for key, row := range (books{tx}).prefixed(BucketMeta, []byte(metaAuditYear)) {
		year, err := strconv.Atoi(strings.TrimPrefix(string(key), metaAuditYear))
		if err != nil || len(row) != 8 {
			tx.Fail(fmt.Errorf("row of a year of the audit log cannot be read"))
			return nil
		}
		years = append(years, AuditYear{year, binary.BigEndian.Uint64(row)})
	}
	return years
}

// BeginAuditYear begins the log of a year, unless it or a later one has begun: with
// an entry that says so, or, in a ledger that knows of no year, with all entries
// that there are.
func (d *Dialer) BeginAuditYear(ctx context.Context, year int) error {
	if err := d.ledger.Commit(ctx, &auditYearMove{year: year, at: d.clock.Now()}); err != nil {
		return fmt.Errorf("begin the audit log of %d: %w", year, err)
	}
	return nil
}

type auditYearMove struct {
	year int
	at   time.Time
}

// Apply begins the year.
func (m *auditYearMove) Apply(tx Tx) {
	b := books{tx}
	first := uint64(1)
	if years := AuditYears(tx); len(years) > 0 {
		if years[len(years)-1].Year >= m.year {
			return
		}
		first = b.number(sequenceAudit) + 1
	}
	b.Put(BucketMeta, fmt.Appendf(nil, "%s%04d", metaAuditYear, m.year), binary.BigEndian.AppendUint64(nil, first))
	b.audit(auditControl, fmt.Appendf(nil, "%s the log of %d begins", m.at.UTC().Format(time.RFC3339Nano), m.year))
}

// auditWentBack is what an entry says, behind its instant, of a log that was put
// back from an older copy: the year, the size and the instant of the last checkpoint.
const auditWentBack = "the audit log was put back: its checkpoint of %d has %d entries and was signed at %s"

// AuditLost is the last checkpoint of a log of which a part was lost.
type AuditLost struct {
	Year int
	Size int64
	At   time.Time
}

// AdmitRollback enters that the log is older than a checkpoint of it: it was put
// back from a copy, and what had been entered since is lost.
func (d *Dialer) AdmitRollback(ctx context.Context, lost AuditLost) error {
	body := fmt.Appendf(nil, "%s "+auditWentBack, d.clock.Now().UTC().Format(time.RFC3339Nano), lost.Year, lost.Size, lost.At.UTC().Format(time.RFC3339Nano))
	if err := d.ledger.Commit(ctx, &auditMove{body}); err != nil {
		return fmt.Errorf("enter that the audit log was put back: %w", err)
	}
	return nil
}

// AuditWentBack reads what AdmitRollback has entered.
func AuditWentBack(text []byte) (lost AuditLost, is bool) {
	kind, body := auditBody(text)
	_, said, found := strings.Cut(string(body), " ")
	var when string
	if n, err := fmt.Sscanf(said, auditWentBack, &lost.Year, &lost.Size, &when); kind != auditControl || !found || n != 3 || err != nil {
		return AuditLost{}, false
	}
	var err error
	lost.At, err = time.Parse(time.RFC3339Nano, when)
	return lost, err == nil
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
