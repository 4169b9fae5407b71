package store_test

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A simulated disk is fed with what a program has asked of a real one, in order,
// and then tells what may be on it after a power cut: all that was synced, and of
// the rest any pages, in any combination, the last one torn.

// pageSize is what a disk keeps or loses as a whole, unless it is torn.
const pageSize = 4096

// change is one write to a file, or a new length where data is nil.
type change struct {
	offset int64
	data   []byte
	length int64
	// at is which event it was.
	at int
}

func (c *change) apply(content []byte) []byte {
	if c.data == nil {
		return resize(content, c.length)
	}
	if end := c.offset + int64(len(c.data)); end > int64(len(content)) {
		content = resize(content, end)
	}
	copy(content[c.offset:], c.data)
	return content
}

func resize(content []byte, length int64) []byte {
	if length <= int64(len(content)) {
		return content[:length]
	}
	return append(content, make([]byte, length-int64(len(content)))...)
}

// simFile is a file's content: what is surely on the disk, and what has changed
// since.
type simFile struct {
	durable []byte
	changes []change
}

// sync makes durable what was changed before the event.
func (f *simFile) sync(before int) {
	for len(f.changes) > 0 && f.changes[0].at < before {
		f.durable = f.changes[0].apply(f.durable)
		f.changes = f.changes[1:]
	}
}

// image returns what may be on the disk: of each change since the last sync some
// pages, and of one of them a part.
func (f *simFile) image(random *rand.Rand) []byte {
	content := slices.Clone(f.durable)
	kept := []float64{0, 0.1, 0.5, 0.9, 1}[random.IntN(5)]
	torn := -1
	if n := len(f.changes); n > 0 && random.IntN(2) == 0 {
		torn = n - 1
	}
	for i, c := range f.changes {
		if c.data == nil {
			if random.Float64() < kept {
				content = c.apply(content)
			}
			continue
		}
		for start := int64(0); start < int64(len(c.data)); {
			end := min((c.offset+start)/pageSize*pageSize+pageSize-c.offset, int64(len(c.data)))
			page := change{offset: c.offset + start, data: c.data[start:end]}
			last := i == torn && end == int64(len(c.data))
			switch {
			case last:
				page.data = page.data[:random.IntN(len(page.data)+1)]
				content = page.apply(content)
			case random.Float64() < kept:
				content = page.apply(content)
			}
			start = end
		}
	}
	return content
}

// naming is one change of names in the folder.
type naming struct {
	from, to string // from is "" for a new file, to "" for a removed name
	link     bool   // from stays
	file     *simFile
	at       int
}

func (n *naming) apply(names map[string]*simFile) {
	if n.from != "" && !n.link {
		delete(names, n.from)
	}
	if n.to != "" {
		names[n.to] = n.file
	}
}

// simDisk is one folder of files, and of what those below it hold.
type simDisk struct {
	// now are the names as the program sees them, durable those that are surely
	// on the disk.
	now, durable map[string]*simFile
	names        []naming
}

// mustReadDisk takes up a folder as it is.
func mustReadDisk(t *testing.T, folder string) *simDisk {
	t.Helper()
	d := &simDisk{now: map[string]*simFile{}}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		d.now[entry.Name()] = &simFile{durable: content}
	}
	d.durable = maps.Clone(d.now)
	return d
}

func (d *simDisk) rename(n naming) {
	n.apply(d.now)
	d.names = append(d.names, n)
}

// syncNames makes durable the names that were changed before the event.
func (d *simDisk) syncNames(before int) {
	for len(d.names) > 0 && d.names[0].at < before {
		d.names[0].apply(d.durable)
		d.names = d.names[1:]
	}
}

// image writes what may be on the disk into a folder. Names change in their order,
// as a file system with a journal of its own keeps it.
func (d *simDisk) image(t *testing.T, random *rand.Rand, folder string) {
	t.Helper()
	names := maps.Clone(d.durable)
	for _, n := range d.names[:random.IntN(len(d.names)+1)] {
		n.apply(names)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), names[name].image(random), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
