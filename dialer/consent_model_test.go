package dialer_test

import (
	"bytes"
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// consentModel is what contacts have said. What they said no to stands in the
// journal, too; what they said yes to only in the ledger.
type consentModel struct {
	*house
	objections map[contact.ID][]dialer.Objection
	grants     map[contact.ID][]dialer.Grant
	// backup is a copy of the ledger's file, and backed are the grants in it.
	backup []byte
	backed map[contact.ID][]dialer.Grant
}

// Ensure that who objected is left alone by everybody, until a later grant lifts
// every objection for its own party and nobody else, whatever order they come
// in; that a restart changes nothing; and that a ledger which was put back from
// a backup forgets no objection (I1, I13).
func TestObject_Model(t *testing.T) {
	modelled(t, plan{people: 3}, func(h *house) map[string]func(*rapid.T) {
		m := &consentModel{house: h, objections: map[contact.ID][]dialer.Objection{}, grants: map[contact.ID][]dialer.Grant{}}
		for _, party := range h.plan.parties {
			h.accept(h.job("of-"+party, party))
			for _, id := range h.ids() {
				m.grants[id] = append(m.grants[id], grantOf(id, party, tuesday.AddDate(-1, 0, 0)))
			}
		}
		return map[string]func(*rapid.T){
			"object": m.object, "grant": m.grant, "time": m.time, "restart": func(*rapid.T) { m.restart() },
			"back up": m.backUp, "put back": m.putBack, "": m.check,
		}
	})
}

// instant is now or a while ago: lists bring what was said earlier.
func (m *consentModel) instant(rt *rapid.T) time.Time {
	return m.clock.Now().Add(-time.Duration(rapid.IntRange(0, 3).Draw(rt, "minutes ago")) * time.Minute)
}

func (m *consentModel) object(rt *rapid.T) {
	o := dialer.ObjectionFrom(drawn(rt, "who", m.ids()), "list", m.instant(rt))
	o.Channel = drawn(rt, "channel", []contact.Channel{contact.AnyChannel, contact.SMS})
	o.Party = drawn(rt, "party", append([]string{consent.AnyParty}, m.plan.parties...))
	if effect, err := m.dialer().Object(context.Background(), o); effect != dialer.Effective || err != nil {
		rt.Fatalf("told %q, %v", effect, err)
	}
	m.objections[o.Contact] = append(m.objections[o.Contact], o)
}

func (m *consentModel) grant(rt *rapid.T) {
	g := grantOf(drawn(rt, "who", m.ids()), drawn(rt, "party", m.plan.parties), m.instant(rt))
	must(rt, m.ledger.Commit(context.Background(), &dialer.RecordGrants{Grants: []dialer.Grant{g}}))
	m.grants[g.Contact] = append(m.grants[g.Contact], g)
}

func (m *consentModel) time(rt *rapid.T) {
	m.clock.moved += time.Duration(rapid.IntRange(1, 90).Draw(rt, "seconds")) * time.Second
}

func (m *consentModel) backUp(rt *rapid.T) {
	var copied bytes.Buffer
	_, err := m.ledger.WriteTo(&copied)
	must(rt, err)
	m.backup, m.backed = copied.Bytes(), map[contact.ID][]dialer.Grant{}
	for id, grants := range m.grants {
		m.backed[id] = slices.Clone(grants)
	}
}

func (m *consentModel) putBack(rt *rapid.T) {
	if m.backup == nil {
		rt.Skip("there is no backup")
	}
	m.closeLedger()
	must(rt, os.WriteFile(m.path, m.backup, 0o600))
	m.open()
	for id, grants := range m.backed {
		m.grants[id] = slices.Clone(grants)
	}
}

// lifted tells whether the party may dial the contact all the same.
func (m *consentModel) lifted(o dialer.Objection, party string) bool {
	return slices.ContainsFunc(m.grants[o.Contact], func(g dialer.Grant) bool { return g.Party == party && g.GivenAt.After(o.At) })
}

func (m *consentModel) check(rt *rapid.T) {
	for _, party := range m.plan.parties {
		for _, id := range m.ids() {
			want := consent.OK
			for _, o := range m.objections[id] {
				if !m.lifted(o, party) {
					want = consent.OptedOut
				}
			}
			got, err := m.dialer().DecisionOn("of-"+party, id)
			if err != nil || got.Reason != want {
				rt.Errorf("%s: %s, %v, want %s", party, got, err, want)
			}
		}
	}
}
