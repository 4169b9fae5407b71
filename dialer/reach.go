package dialer

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// Whom a party may hope to reach in a round is a set of rows of the directory, a
// bit for each contact: grants, objections and claims lie in the order of contacts,
// as the directory does, so that one walk through each makes the set. It is kept
// for a while, since an operator who tries segments out asks for the same party
// again and again.

const (
	// reachAge is how long a set is good for, in real time. Grants that were
	// entered make it outdated at once; objections and claims only make it an
	// estimate from above.
	reachAge = 5 * time.Minute
	// reachSets is how many are kept: 3.5 MB each for 28 million contacts.
	reachSets = 8
	// reachChunk is how many rows of the ledger are read in one view.
	reachChunk = 4096
)

type reachKey struct {
	party   string
	channel contact.Channel
	round   string
}

type reach struct {
	key     reachKey
	edition Edition
	grants  uint64 // the sequence of grants that it goes by
	made    time.Time
	asOf    time.Time
	rows    RowSet
}

// reaches are the sets made last, the newest first.
type reaches struct {
	mu   sync.Mutex
	sets []*reach
}

// of returns the set, made anew where there is none that is good.
func (r *reaches) of(ctx context.Context, d *Dialer, edition Edition, key reachKey) (*reach, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var grants uint64
	if err := d.ledger.View(func(tx Tx) error { grants = books{tx}.number(sequenceGrant); return nil }); err != nil {
		return nil, fmt.Errorf("look how many grants there are: %w", err)
	}
	r.sets = slices.DeleteFunc(r.sets, func(s *reach) bool {
		return s.edition != edition || s.grants != grants || time.Since(s.made) > reachAge
	})
	if at := slices.IndexFunc(r.sets, func(s *reach) bool { return s.key == key }); at >= 0 {
		return r.sets[at], nil
	}
	made := &reach{key: key, edition: edition, grants: grants, made: time.Now(), asOf: d.clock.Now()}
	if err := made.fill(ctx, d.ledger); err != nil {
		return nil, err
	}
	r.sets = append([]*reach{made}, r.sets[:min(len(r.sets), reachSets-1)]...)
	return made, nil
}

// fill makes the set: those with a grant, without those who have objected since,
// have asked for erasure, are bound to another party, or have no line for it.
func (r *reach) fill(ctx context.Context, ledger Ledger) error {
	var wanted func(contact.LineType) bool
	if r.key.channel == contact.SMS {
		wanted = contact.LineType.TakesText
	}
	lines, err := r.edition.Select(nil, wanted)
	if err != nil {
		return fmt.Errorf("look which lines there are: %w", err)
	}
	r.rows = make(RowSet, len(lines))
	f := &facts{names: map[string]string{}}
	w := &ledgerWalk{ctx: ctx, ledger: ledger}
	for _, pass := range []struct {
		bucket Bucket
		prefix []byte
		// concerns is asked of every row of the ledger, and found of those whose
		// contact the directory has.
		concerns func() bool
		found    func(row uint64)
	}{
		{BucketGrant, nil, func() bool {
			g, _, err := readConsent(w.row, f.name)
			if err != nil {
				w.fail(err)
			}
			return g.For(r.key.party, r.key.channel)
		}, r.rows.Add},
		{BucketObjection, nil, func() bool {
			against := string(w.key[contact.IDSize+1:])
			return against == consent.AnyParty || against == r.key.party || against == ""
		}, func(row uint64) {
			if r.rows.Has(row) && !w.lifted(r.key, f) {
				r.rows.Remove(row)
			}
		}},
		{BucketErased, nil, func() bool { return true }, r.rows.Remove},
		{BucketClaim, append([]byte(r.key.round), 0), func() bool { return len(w.row) > 4 && string(w.row[4:]) != r.key.party }, r.rows.Remove},
	} {
		if err := r.edition.Locate(w.contacts(pass.bucket, pass.prefix, pass.concerns), func(row uint64, _ int) { pass.found(row) }); err != nil || w.err != nil {
			return fmt.Errorf("go through table %s: %w", pass.bucket, cmp.Or(w.err, err))
		}
	}
	r.rows.Keep(lines)
	return nil
}

// ledgerWalk goes through a table of the ledger by parts, each in a view of its
// own, so that none is long.
type ledgerWalk struct {
	ctx    context.Context // of the one fill
	ledger Ledger
	books  books
	// key and row are where the walk stands.
	key, row []byte
	err      error
}

func (w *ledgerWalk) fail(err error) {
	if w.err == nil {
		w.err = fmt.Errorf("row %x: %w", w.key, err)
	}
}

// contacts yields, in ascending order, the contacts of the rows with the prefix
// that concern. After an error it yields no more.
func (w *ledgerWalk) contacts(bucket Bucket, prefix []byte, concerns func() bool) iter.Seq[contact.ID] {
	return func(yield func(contact.ID) bool) {
		from, more := append([]byte(nil), prefix...), true
		for more && w.err == nil {
			if w.err = w.ctx.Err(); w.err != nil {
				return
			}
			err := w.ledger.View(func(tx Tx) error {
				from, more = w.part(books{tx}, bucket, prefix, from, concerns, yield)
				return nil
			})
			w.err = cmp.Or(w.err, err)
		}
	}
}

// part walks through some rows, and returns where the next part begins and
// whether there is one.
func (w *ledgerWalk) part(b books, bucket Bucket, prefix, from []byte, concerns func() bool, yield func(contact.ID) bool) ([]byte, bool) {
	w.books = b
	rows := 0
	for key, row := range b.Rows(bucket, from) {
		if len(key) < len(prefix)+contact.IDSize || string(key[:len(prefix)]) != string(prefix) {
			return nil, false
		}
		if rows++; rows > reachChunk {
			return append([]byte(nil), key...), true
		}
		w.key, w.row = key, row
		if concerns() && !yield(contact.ID(key[len(prefix):][:contact.IDSize])) || w.err != nil {
			return nil, false
		}
	}
	return nil, false
}

// lifted tells whether the contact has granted again what the objection at which
// the walk stands took back.
func (w *ledgerWalk) lifted(key reachKey, f *facts) bool {
	o, err := readObjection(w.key, w.row, f.name)
	if err != nil {
		w.fail(err)
		return false
	}
	f.person.Grants = w.books.grants(contact.ID(w.key[:contact.IDSize]), f.person.Grants[:0], f.name)
	return slices.ContainsFunc(f.person.Grants, func(g consent.Grant) bool {
		return g.GivenAt.After(o.At) && g.For(key.party, key.channel)
	})
}
