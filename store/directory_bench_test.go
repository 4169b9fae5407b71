package store_test

import (
	"encoding/binary"
	"path/filepath"
	"testing"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// spread returns the i-th of IDs that lie as those of numbers do: anywhere.
func spread(i int) (id contact.ID) {
	const odd = 0x9e3779b97f4a7c15
	binary.BigEndian.PutUint64(id[:], uint64(i+1)*odd)
	binary.BigEndian.PutUint64(id[8:], uint64(i))
	return id
}

// mustLoad builds a directory of rows contacts with ten attributes.
func mustLoad(b *testing.B, path string, keys *store.Keys, old *store.Directory, rows int) {
	b.Helper()
	declared := make([]dialer.Attribute, 10)
	for i := range declared {
		declared[i] = dialer.Attribute{Name: string(rune('a' + i)), Values: make([]string, 100)}
	}
	if old != nil {
		declared = old.Attributes()
	}
	builder := mustBegin(b, store.DirectoryBuilderOptions{Path: path, Keys: keys, Attributes: declared, Old: old})
	row := dialer.Contact{Line: contact.Mobile, Territory: territory(b, "FR-75"), BirthYear: 1970, Values: make([]uint16, 10)}
	number := fictional(b, 1)
	for i := range rows {
		row.ID = spread(i)
		row.Values[i%10] = uint16(i % 100)
		if err := builder.Add(&row, number); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := builder.Build(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
}

func mustOpenBench(b testing.TB, path string, keys *store.Keys) *store.Directory {
	b.Helper()
	directory, err := store.OpenDirectory(path, keys, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := directory.Close(); err != nil {
			b.Error(err)
		}
	})
	return directory
}

const benchRows = 1_000_000

func BenchmarkBuild(b *testing.B) {
	keys := storetest.MustMakeKeys(b)
	path := filepath.Join(b.TempDir(), "directory.db")
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			mustLoad(b, path, keys, nil, benchRows)
		}
		b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("again", func(b *testing.B) {
		old := mustOpenBench(b, path, keys)
		for b.Loop() {
			mustLoad(b, path, keys, old, benchRows)
		}
		b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}

// BenchmarkRotate seals a directory anew; its baseline writes the rows as they are.
func BenchmarkRotate(b *testing.B) {
	keys := storetest.MustMakeKeys(b)
	path := filepath.Join(b.TempDir(), "directory.db")
	mustLoad(b, path, keys, nil, benchRows)
	old := mustOpenBench(b, path, keys)
	for _, way := range []struct {
		name string
		keys *store.Keys
	}{{"kept", keys}, {"sealed anew", keys.Turned()}} {
		b.Run(way.name, func(b *testing.B) {
			for b.Loop() {
				builder := mustBegin(b, store.DirectoryBuilderOptions{
					Path: path + ".built", Keys: way.keys, Attributes: old.Attributes(), Old: old,
				})
				if counts, err := builder.Build(b.Context(), nil); err != nil || counts.Kept != benchRows {
					b.Fatal(counts, err)
				}
			}
			b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkDirectory(b *testing.B) {
	keys := storetest.MustMakeKeys(b)
	path := filepath.Join(b.TempDir(), "directory.db")
	mustLoad(b, path, keys, nil, benchRows)
	directory := mustOpenBench(b, path, keys)
	var row dialer.Contact
	b.Run("Contact", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if found, err := directory.Contact(spread(i*7919%benchRows), &row); !found || err != nil {
				b.Fatal(found, err)
			}
		}
	})
	b.Run("ContactParallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			var row dialer.Contact
			for i := 0; pb.Next(); i++ {
				if found, err := directory.Contact(spread(i*7919%benchRows), &row); !found || err != nil {
					b.Error(found, err)
					return
				}
			}
		})
	})
	b.Run("Contacts", func(b *testing.B) {
		for b.Loop() {
			if err := directory.Contacts(func(*dialer.Contact) bool { return true }); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("Number", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := directory.Number(spread(i * 7919 % benchRows)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
