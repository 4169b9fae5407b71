package store_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// counted are attributes of all widths that a column can have.
var counted = []dialer.Attribute{
	{Name: "gender", Values: []string{"f", "m", "x"}},
	{Name: "commune", Values: numbered(700)},
	{Name: "age", Values: numbered(255)},
}

func numbered(n int) (values []string) {
	for i := range n {
		values = append(values, fmt.Sprintf("value %d", i))
	}
	return values
}

// mustBuildCounted builds a directory of random contacts and returns them in the
// order of its rows.
func mustBuildCounted(tb testing.TB, path string, keys *store.Keys, rows int) []dialer.Contact {
	tb.Helper()
	builder := mustBegin(tb, store.DirectoryBuilderOptions{Path: path, Keys: keys, Attributes: counted})
	random := rand.New(rand.NewPCG(7, 7))
	contacts := make([]dialer.Contact, rows)
	number := fictional(tb, 1)
	for i := range contacts {
		c := dialer.Contact{ID: spread(i), Line: contact.Mobile}
		if random.IntN(4) == 0 {
			c.Line = contact.Fixed
		}
		for _, attribute := range counted {
			c.Values = append(c.Values, uint16(random.IntN(len(attribute.Values)+1)))
		}
		if i%5 == 0 {
			c.Person = contact.PersonID{1, byte(i)}
		}
		if contacts[i] = c; builder.Add(&c, number) != nil {
			tb.Fatal("add")
		}
	}
	if _, err := builder.Build(tb.Context(), nil); err != nil {
		tb.Fatal(err)
	}
	slices.SortFunc(contacts, func(a, b dialer.Contact) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return contacts
}

func wantedOf(attribute int, values ...int) dialer.Criterion {
	c := dialer.Criterion{Attribute: attribute, Wanted: make([]bool, len(counted[attribute].Values)+1)}
	for _, value := range values {
		c.Wanted[value] = true
	}
	return c
}

// Ensure that columns select just the rows that have what is wanted, over the
// ends of chunks and for attributes with many values, and that the check agrees.
func TestDirectory_Select(t *testing.T) {
	t.Parallel()
	keys, path := storetest.MustMakeKeys(t), filepath.Join(t.TempDir(), "directory.db")
	contacts := mustBuildCounted(t, path, keys, 1<<16+100)
	directory, err := store.OpenDirectory(path, keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		criteria []dialer.Criterion
		lines    func(contact.LineType) bool
	}{
		"everybody":     {nil, nil},
		"texts":         {nil, contact.LineType.TakesText},
		"one attribute": {[]dialer.Criterion{wantedOf(0, 1, 3)}, nil},
		"no value":      {[]dialer.Criterion{wantedOf(1, 0)}, nil},
		"many values":   {[]dialer.Criterion{wantedOf(1, 5, 300, 700)}, contact.LineType.TakesText},
		"the last one":  {[]dialer.Criterion{wantedOf(2, 255)}, nil},
		"all":           {[]dialer.Criterion{wantedOf(0, 1, 2), wantedOf(1, numbers(1, 400)...), wantedOf(2, numbers(20, 200)...)}, contact.LineType.TakesText},
		"nobody":        {[]dialer.Criterion{wantedOf(0)}, nil},
	} {
		rows, err := directory.Select(test.criteria, test.lines)
		if err != nil {
			t.Fatal(err)
		}
		want := dialer.NewRowSet(uint64(len(contacts)))
		for i := range contacts {
			in := test.lines == nil || test.lines(contacts[i].Line)
			for _, criterion := range test.criteria {
				in = in && criterion.Wanted[contacts[i].Values[criterion.Attribute]]
			}
			if in {
				want.Add(uint64(i))
			}
		}
		if !slices.Equal(rows, want) {
			t.Errorf("%s: %d rows, want %d", name, rows.Count(), want.Count())
		}
	}
	if err := directory.Close(); err != nil {
		t.Fatal(err)
	}
	mustAgree(t, path, 0)
}

func numbers(from, to int) (all []int) {
	for i := from; i <= to; i++ {
		all = append(all, i)
	}
	return all
}

// mustAgree fails where the check does not find as much about a directory. It
// opens no number: those of these contacts are somebody else's.
func mustAgree(t *testing.T, path string, want int) {
	t.Helper()
	paths := store.PathsIn(t.TempDir())
	paths.Directory = path
	findings, err := store.Check(t.Context(), store.CheckOptions{Paths: paths})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, finding := range findings {
		if finding.Part == "directory" {
			found++
			t.Log(finding)
		}
	}
	if found != want {
		t.Errorf("%d findings about the directory, want %d", found, want)
	}
}

// Ensure that attributes are counted as their readers declare them: in another
// order, with values that are new or gone, and an attribute that is new.
func TestDirectory_Select_Redeclared(t *testing.T) {
	t.Parallel()
	keys, path := storetest.MustMakeKeys(t), filepath.Join(t.TempDir(), "directory.db")
	contacts := mustBuildCounted(t, path, keys, 1000)
	directory, err := store.OpenDirectory(path, keys, []dialer.Attribute{
		{Name: "new", Values: []string{"a"}}, counted[1], {Name: "gender", Values: []string{"m", "other", "f"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = directory.Close() }() // only read
	count := func(criteria ...dialer.Criterion) uint64 {
		rows, err := directory.Select(criteria, nil)
		if err != nil {
			t.Fatal(err)
		}
		return rows.Count()
	}
	want := map[uint16]uint64{}
	for i := range contacts {
		want[contacts[i].Values[0]]++
	}
	for name, got := range map[string][2]uint64{
		"m":            {count(dialer.Criterion{Attribute: 2, Wanted: []bool{false, true, false, false}}), want[2]},
		"f":            {count(dialer.Criterion{Attribute: 2, Wanted: []bool{false, false, false, true}}), want[1]},
		"none or lost": {count(dialer.Criterion{Attribute: 2, Wanted: []bool{true, false, false, false}}), want[0] + want[3]},
		"new":          {count(dialer.Criterion{Attribute: 0, Wanted: []bool{false, true}}), 0},
		"not new":      {count(dialer.Criterion{Attribute: 0, Wanted: []bool{true, false}}), 1000},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, want %d", name, got[0], got[1])
		}
	}
}

// Ensure that contacts are found by their rows' numbers and others are not, and that
// such rows are read until nobody wants more.
func TestDirectory_Locate(t *testing.T) {
	t.Parallel()
	keys, path := storetest.MustMakeKeys(t), filepath.Join(t.TempDir(), "directory.db")
	contacts := mustBuildCounted(t, path, keys, 1000)
	directory := mustOpenBench(t, path, keys)
	var asked []contact.ID
	var want []uint64
	for i := 0; i < len(contacts); i += 7 {
		other := contacts[i].ID
		other[15]++
		asked, want = append(asked, contacts[i].ID, other), append(want, uint64(i))
	}
	asked = append(asked, contact.ID{0xff, 0xff, 0xff, 0xff})
	var got []uint64
	var kinds []int
	rows := dialer.NewRowSet(uint64(len(contacts)))
	if err := directory.Locate(slices.Values(asked), func(row uint64, kind int) { got, kinds = append(got, row), append(kinds, kind) }); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	tally, err := directory.Tally(rows)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range got {
		rows.Add(row)
		c := &contacts[row]
		if none := kinds[i] < 0; none != !c.Person.IsZero() || !none && tally[kinds[i]].Kind != c.Kind() {
			t.Errorf("row %d is of kind %d, and %+v", row, kinds[i], c)
		}
	}
	var read []uint64
	err = directory.Rows(rows, func(c *dialer.Contact) bool {
		at := want[len(read)]
		if c.ID != contacts[at].ID || !slices.Equal(c.Values, contacts[at].Values) {
			t.Errorf("row %d is %+v, want %+v", at, c, contacts[at])
		}
		read = append(read, at)
		return len(read) < len(want)-1
	})
	if err != nil || len(read) != len(want)-1 {
		t.Errorf("%d rows were read, %v", len(read), err)
	}
}

// mustChange changes a file behind the store's back.
func mustChange(t *testing.T, path string, change func(*bolt.Tx) error) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(change); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// Ensure that the check finds a cell that says otherwise than its row, and columns
// that are gone.
func TestCheck_Cells(t *testing.T) {
	t.Parallel()
	keys, path := storetest.MustMakeKeys(t), filepath.Join(t.TempDir(), "directory.db")
	mustBuildCounted(t, path, keys, 100)
	mustChange(t, path, func(tx *bolt.Tx) error {
		cells := tx.Bucket([]byte("cell"))
		column := slices.Clone(cells.Get([]byte{0, 0, 0, 0, 0, 1}))
		column[17] ^= 1
		return cells.Put([]byte{0, 0, 0, 0, 0, 1}, column)
	})
	mustAgree(t, path, 1)
	mustChange(t, path, func(tx *bolt.Tx) error { return tx.Bucket([]byte("cell")).Put([]byte{0, 0, 0, 0, 0, 1}, []byte{1}) })
	mustAgree(t, path, 1)
	mustChange(t, path, func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte("cell")) })
	mustAgree(t, path, 1)
}

// BenchmarkSelect counts by three attributes, by columns and row by row.
func BenchmarkSelect(b *testing.B) {
	keys, path := storetest.MustMakeKeys(b), filepath.Join(b.TempDir(), "directory.db")
	contacts := mustBuildCounted(b, path, keys, benchRows)
	directory := mustOpenBench(b, path, keys)
	criteria := []dialer.Criterion{wantedOf(0, 1, 2), wantedOf(1, numbers(1, 100)...), wantedOf(2, numbers(100, 200)...)}
	var byRows, byColumns time.Duration
	for b.Loop() {
		began := time.Now()
		rows, err := directory.Select(criteria, contact.LineType.TakesText)
		if err != nil || rows.Count() == 0 {
			b.Fatal(err)
		}
		byColumns += time.Since(began)
		began = time.Now()
		n := uint64(0)
		err = directory.Contacts(func(row *dialer.Contact) bool {
			wanted := row.Line.TakesText()
			for _, criterion := range criteria {
				wanted = wanted && criterion.Wanted[row.Values[criterion.Attribute]]
			}
			if wanted {
				n++
			}
			return true
		})
		if err != nil || n != rows.Count() {
			b.Fatal(n, rows.Count(), err)
		}
		byRows += time.Since(began)
	}
	scanned := float64(len(contacts) * b.N)
	b.ReportMetric(float64(byColumns.Nanoseconds())/scanned, "ns/row")
	b.ReportMetric(float64(byRows.Nanoseconds())/scanned, "ns/row-by-rows")
	b.ReportMetric(byRows.Seconds()/byColumns.Seconds(), "rows/columns")
}
