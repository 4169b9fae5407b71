package store_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// Ensure that imports, one after the other, with rows in any order, repeated
// and erased, and with declarations and seal keys that change, give what a map would
// hold.
func TestDirectoryBuilder_Model(t *testing.T) {
	t.Parallel()
	keys := storetest.MustMakeKeys(t)
	var numbers []contact.Number
	var ids []contact.ID
	for i := range 40 {
		numbers = append(numbers, fictional(t, i))
		ids = append(ids, keys.Identity.ID(numbers[i]))
	}
	places := []*contact.Territory{nil, territory(t, "FR-75"), territory(t, "FR-974"), territory(t, "FR")}
	zones := []*time.Location{nil, time.UTC, zone(t, "Europe/Paris")}
	top := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		dir := filepath.Join(top, fmt.Sprint(n))
		if err := os.Mkdir(dir, 0o700); err != nil {
			rt.Fatal(err)
		}
		m := &builderModel{
			keys: keys, numbers: numbers, ids: ids, places: places, zones: zones,
			path: filepath.Join(dir, "directory.db"), rows: make(map[int]dialer.Contact),
		}
		for range rapid.IntRange(1, 3).Draw(rt, "imports") {
			m.build(rt)
			m.check(rt)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			rt.Errorf("left in the folder: %v, %v", entries, err)
		}
		storetest.MustBeSound(t, m.path)
		if err := os.RemoveAll(dir); err != nil {
			rt.Error(err)
		}
	})
}

type builderModel struct {
	keys       *store.Keys
	numbers    []contact.Number
	ids        []contact.ID
	places     []*contact.Territory
	zones      []*time.Location
	path       string
	attributes []dialer.Attribute
	declared   int // which of modelAttributes
	rows       map[int]dialer.Contact
	fixed      int // who is corrected in this build
}

// fix is the correction: a year, and the last value of the first attribute.
func (m *builderModel) fix(row *dialer.Contact) {
	row.BirthYear, row.Values[0] = 1950, uint16(len(m.attributes[0].Values))
}

// modelAttributes are declarations of which each can follow any earlier one.
var modelAttributes = [][]dialer.Attribute{
	{{Name: "a", Values: []string{"x", "y"}}},
	{{Name: "b", Values: []string{"1"}}, {Name: "a", Values: []string{"w", "x", "y"}}},
	{{Name: "b", Values: []string{"2", "1"}}, {Name: "c", Values: []string{"z"}}, {Name: "a", Values: []string{"y", "x", "w"}}},
}

// renumber turns a contact's values from one declaration to another, by name.
func renumber(values []uint16, from, to []dialer.Attribute) []uint16 {
	out := make([]uint16, len(to))
	for i, attribute := range to {
		at := slices.IndexFunc(from, func(a dialer.Attribute) bool { return a.Name == attribute.Name })
		if at >= 0 && values[at] > 0 {
			out[i] = uint16(1 + slices.Index(attribute.Values, from[at].Values[values[at]-1]))
		}
	}
	return out
}

// build runs one import and compares what it counted.
func (m *builderModel) build(t *rapid.T) {
	old, err := store.OpenDirectory(m.path, m.keys, nil)
	if err == nil {
		defer func() { _ = old.Close() }()
	}
	if rapid.Bool().Draw(t, "seal key rotated") {
		m.keys = m.keys.Turned()
	}
	m.declare(t)
	gone := rapid.IntRange(0, 2*len(m.ids)).Draw(t, "erased")
	m.fixed = rapid.IntRange(0, 2*len(m.ids)).Draw(t, "corrected")
	var repeated []uint64
	builder, err := store.NewDirectoryBuilder(store.DirectoryBuilderOptions{
		Path: m.path, Old: old, Keys: m.keys, Attributes: m.attributes,
		Memory: rapid.SampledFrom([]int{1, 500, 0}).Draw(t, "memory"),
		Erased: func(id contact.ID) bool { return gone < len(m.ids) && id == m.ids[gone] },
		Correct: func(id contact.ID) func(*dialer.Contact) {
			if m.fixed < len(m.ids) && id == m.ids[m.fixed] {
				return m.fix
			}
			return nil
		},
		Duplicate: func(ordinal uint64) { repeated = append(repeated, ordinal) },
	})
	if err != nil {
		t.Fatal(err)
	}
	want, wantRepeated := m.add(t, builder, gone)
	counts, err := builder.Build(context.Background(), func(built, total uint64) {
		if built > total {
			t.Errorf("%d of %d rows were read", built, total)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(repeated)
	if counts != want || !slices.Equal(repeated, wantRepeated) {
		t.Errorf("got %+v, repeated %v; want %+v, repeated %v", counts, repeated, want, wantRepeated)
	}
}

// declare changes to the same or a later declaration.
func (m *builderModel) declare(t *rapid.T) {
	m.declared = rapid.IntRange(m.declared, len(modelAttributes)-1).Draw(t, "attributes")
	declared := modelAttributes[m.declared]
	for i, row := range m.rows {
		row.Values = renumber(row.Values, m.attributes, declared)
		m.rows[i] = row
	}
	m.attributes = declared
}

// add hands rows to the builder and to the model, and returns what must be
// counted, and which rows are repeated.
func (m *builderModel) add(t *rapid.T, builder *store.DirectoryBuilder, gone int) (want store.Counts, repeated []uint64) {
	source, err := builder.Source(rapid.SampledFrom([]string{"one", "two", "three"}).Draw(t, "source"),
		time.Unix(rapid.Int64Range(0, 2).Draw(t, "collected"), 0))
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[int]bool)
	for ordinal, i := range rapid.SliceOf(rapid.IntRange(0, len(m.ids)-1)).Draw(t, "rows") {
		row := m.draw(t, i, source)
		if err := builder.Add(&row, m.numbers[i]); err != nil { // corrects the row, too
			t.Fatal(err)
		}
		if seen[i] {
			want.Duplicates++
			repeated = append(repeated, uint64(ordinal))
			continue
		}
		was, known := m.rows[i]
		switch {
		case i == gone: // counted below, with those who were there before
		case !known:
			want.Added++
		case cmp.Equal(was, row, sameContact, cmpopts.IgnoreFields(dialer.Contact{}, "Source")):
			want.Unchanged++
		default:
			want.Updated++
		}
		m.rows[i], seen[i] = row, true
	}
	if row, known := m.rows[m.fixed]; known {
		row.Values = slices.Clone(row.Values)
		m.fix(&row)
		m.rows[m.fixed] = row
	}
	if _, known := m.rows[gone]; known {
		delete(m.rows, gone)
		want.Erased = 1
	}
	want.Total = uint64(len(m.rows))
	want.Kept = want.Total - want.Added - want.Updated - want.Unchanged
	return want, repeated
}

func (m *builderModel) draw(t *rapid.T, i int, source uint16) dialer.Contact {
	row := dialer.Contact{
		ID: m.ids[i], Line: contact.LineType(rapid.IntRange(0, 10).Draw(t, "line")), Source: source,
		Territory: rapid.SampledFrom(m.places).Draw(t, "territory"), Zone: rapid.SampledFrom(m.zones).Draw(t, "zone"),
		BirthYear: rapid.SampledFrom([]int{0, 1900, 1999, 2010}).Draw(t, "year"), Values: make([]uint16, len(m.attributes)),
	}
	if person := rapid.IntRange(0, 3).Draw(t, "person"); person > 0 {
		row.Person = contact.PersonID{byte(person)}
	}
	for j, attribute := range m.attributes {
		row.Values[j] = uint16(rapid.IntRange(0, len(attribute.Values)).Draw(t, "value"))
	}
	return row
}

func (m *builderModel) check(t *rapid.T) {
	directory, err := store.OpenDirectory(m.path, m.keys, m.attributes)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = directory.Close() }()
	var want []dialer.Contact
	for i, row := range m.rows {
		want = append(want, row)
		if number, err := directory.Number(row.ID); err != nil || number != m.numbers[i] {
			t.Errorf("another number, %v", err)
		}
	}
	slices.SortFunc(want, func(a, b dialer.Contact) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	var got []dialer.Contact
	err = directory.Contacts(func(c *dialer.Contact) bool {
		row := *c
		row.Values = slices.Clone(c.Values)
		got = append(got, row)
		return true
	})
	if diff := cmp.Diff(want, got, sameContact); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if directory.Count() != uint64(len(want)) {
		t.Errorf("it says %d contacts, want %d", directory.Count(), len(want))
	}
}
