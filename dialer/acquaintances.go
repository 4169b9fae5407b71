package dialer

import (
	"bytes"
	"context"
	"fmt"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// Whom the ledger knows and a survey has passed by among strangers is taken out of
// that count and asked about. Most of them have consented to another party, and
// nothing else is known of them: to the rules they are alike, too.

// meet asks about all whom the ledger knows and whose kind was passed by, and about
// those who are special.
func (d *Dialer) meet(ctx context.Context, s *survey, edition Edition) error {
	consenters, err := d.consenters.of(ctx, d.ledger, edition)
	if err != nil {
		return err
	}
	m := &meeting{survey: s, edition: edition, consenters: consenters}
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := d.ledger.View(func(tx Tx) error {
			m.books, m.more = books{&ascending{Tx: tx}}, false
			m.others = m.books.knowing(s.campaign)
			m.meetConsenters()
			m.meetOthers()
			m.from, more = m.until, m.more
			return m.err
		})
		if err != nil {
			return err
		}
	}
	return d.ledger.View(func(tx Tx) error { return s.meetSpecial(books{tx}, edition, d.registry.Attributes) })
}

// meeting goes through the tables of the ledger in the order of contacts, a part in
// each view: all tables up to the same contact, so that everybody is met once.
type meeting struct {
	*survey

	edition    Edition
	consenters *consenters
	books      books
	others     knowers
	// from is the first contact of this part; until is the first of the next one, if
	// there are more.
	from, until contact.ID
	more        bool
	grants      []consent.Grant
	err         error
}

// meetConsenters meets those of whom there are grants.
func (m *meeting) meetConsenters() {
	var id contact.ID
	met := 0
	m.grants = m.grants[:0]
	for key, row := range m.books.Rows(BucketGrant, m.from[:]) {
		if next := contact.ID(key[:contact.IDSize]); next != id {
			m.meetConsenter(id)
			if m.err != nil {
				return
			}
			if met++; met > surveyChunk {
				m.until, m.more = next, true
				return
			}
			id, m.grants = next, m.grants[:0]
		}
		grant, _, err := readConsent(row, m.facts.name)
		if err != nil {
			m.err = fmt.Errorf("contact %s: %w", id, err)
			return
		}
		m.grants = append(m.grants, grant)
	}
	m.meetConsenter(id)
}

// meetConsenter meets a contact who has consented to something. Where nothing else is
// known of them and others were alike, the answer is known, too.
func (m *meeting) meetConsenter(id contact.ID) {
	if _, special := m.special[id]; special || len(m.grants) == 0 || m.others.know(m.books, id) {
		return
	}
	at, located := m.consenters.find(id)
	if !located {
		m.meetOne(id)
		return
	}
	if at.kind < 0 || int(at.kind) >= len(m.strangers.kinds) || !m.strangers.segment.Has(uint64(at.row)) {
		return
	}
	kind := m.strangers.kinds[at.kind].Kind
	passed := m.strangers.passed[kind]
	if passed == 0 {
		return
	}
	unconcerned, some := m.campaign.terms.Unconcerned(m.grants, m.at)
	answer := m.strangers.answers[likeness{kind, unconcerned}]
	if !some || !answer.PrecedesHistory() {
		m.meetOne(id)
		return
	}
	m.excluded[passed]--
	m.excluded[answer]++
}

// meetOthers meets those of whom something else is known.
func (m *meeting) meetOthers() {
	for id, more := m.from, true; more && m.err == nil; {
		var known bool
		if id, known = m.others.first(m.books, id); !known || m.more && bytes.Compare(id[:], m.until[:]) >= 0 {
			return
		}
		if _, special := m.special[id]; !special {
			m.meetOne(id)
		}
		id, more = successor(id)
	}
}

// meetOne asks about a contact if their kind was passed by.
func (m *meeting) meetOne(id contact.ID) {
	found, err := m.edition.Contact(id, &m.facts.contact)
	if err != nil {
		m.err = err
		return
	}
	if found && m.takeOut(&m.facts.contact) {
		m.consider(m.books)
	}
}

// takeOut takes a contact, as the directory has them, out of the count of those
// who were passed by, if they are in it.
func (s *survey) takeOut(c *Contact) bool {
	reason := s.strangers.passed[c.Kind()]
	if reason == 0 || !c.Person.IsZero() || !s.campaign.matcher.matches(c) {
		return false
	}
	s.considered--
	s.excluded[reason]--
	return true
}

// special returns those who are not what the directory says, as things stand: whom a
// correction is about, and the broker's own phones, which have none here.
func (d *Dialer) special() map[contact.ID]*Correction {
	special := map[contact.ID]*Correction{}
	for id := range d.corrections.contacts() {
		if one := d.corrections.of(id); one != nil {
			special[id] = one
		}
	}
	for id := range d.own {
		special[id] = nil
	}
	return special
}

// meetSpecial takes the special out of the count, and asks about those who were
// corrected as they are now. The broker's own phones are in nobody's audience.
func (s *survey) meetSpecial(b books, edition Edition, attributes []Attribute) error {
	c := &s.facts.contact
	for id, correction := range s.special {
		found, err := edition.Contact(id, c)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		s.takeOut(c)
		if correction == nil {
			continue
		}
		if correction.apply(c, attributes); s.campaign.matcher.matches(c) {
			s.consider(b)
		}
	}
	return nil
}

// knowers are the tables, besides that of grants, with rows of contacts that the rules
// look at before they ask for consent.
type knowers []knower

type knower struct {
	bucket Bucket
	// key is what a row's key begins with: the prefix, and then the ID.
	key    []byte
	prefix int
}

// knowing returns those for a campaign.
func (b books) knowing(c *campaign) knowers {
	var tables knowers
	none := contact.ID{}
	add := func(bucket Bucket, key []byte) { tables = append(tables, knower{bucket, key, len(key) - len(none)}) }
	for _, bucket := range []Bucket{BucketObjection, BucketErased, BucketReview, BucketForeign} {
		add(bucket, make([]byte, len(none)))
	}
	for _, name := range c.lists {
		if head := b.listHead(name); head.found && head.generation > 0 {
			add(BucketList, listRowKey(name, head.generation, none))
		}
	}
	return tables
}

// know tells whether any table has a row of the contact.
func (k knowers) know(b books, id contact.ID) bool {
	for i := range k {
		if key := k[i].seek(b, id); bytes.HasPrefix(key, k[i].key) {
			return true
		}
	}
	return false
}

// first returns the first contact from id on of whom there is a row.
func (k knowers) first(b books, id contact.ID) (first contact.ID, found bool) {
	for i := range k {
		key := k[i].seek(b, id)
		if len(key) < len(k[i].key) || !bytes.HasPrefix(key, k[i].key[:k[i].prefix]) {
			continue
		}
		if met := contact.ID(key[k[i].prefix:][:len(id)]); !found || bytes.Compare(met[:], first[:]) < 0 {
			first, found = met, true
		}
	}
	return first, found
}

// seek returns the key of the first row from the contact on.
func (k *knower) seek(b books, id contact.ID) []byte {
	copy(k.key[k.prefix:], id[:])
	key, _ := b.First(k.bucket, k.key)
	return key
}

// successor returns the ID that comes next, and whether there is one.
func successor(id contact.ID) (contact.ID, bool) {
	for i := len(id) - 1; i >= 0; i-- {
		if id[i]++; id[i] != 0 {
			return id, true
		}
	}
	return id, false
}
