package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// rigImages says how many power cuts are simulated, "all" at about every event;
// the short form has few.
const rigImages = "HUSTINGS_RIG_IMAGES"

func images(t *testing.T, short, all int) int {
	t.Helper()
	text := os.Getenv(rigImages)
	switch text {
	case "":
		return short
	case "all":
		return all
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		t.Fatalf("%s: want a number of images, got %q", rigImages, text)
	}
	return n
}

// rigSeed is what everything is drawn from; a failure names it.
const rigSeed = "HUSTINGS_RIG_SEED"

func seed(t *testing.T) uint64 {
	t.Helper()
	if text := os.Getenv(rigSeed); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", rigSeed, err)
		}
		return n
	}
	return rand.Uint64N(1_000_000)
}

// Ensure that a power cut at any instant of a campaign, whatever of the pages that
// were not synced it leaves on the disk, leaves a ledger that opens, whose books
// are clean and which has every move that somebody was told of; a journal that has
// every objection that was acknowledged and every one that the ledger has; and a
// mark that does not make the ledger look like a restored one.
func TestStore_PowerCutImages(t *testing.T) {
	t.Parallel()
	folder, keys := mustPrepareWork(t)
	disk := mustReadDisk(t, folder)
	events := trace(t, roleWork, folder)
	n, random := images(t, 40, len(events)), seed(t)
	t.Logf("%d events, %d images; again: %s=%d", len(events), n, rigSeed, random)
	draw := rand.New(rand.NewPCG(random, 0))
	cuts := make([]int, len(events)+1) // how many images are made after so many events
	for range n {
		cuts[1+draw.IntN(len(events))]++
	}
	r := &replayer{folder: folder, disk: disk, open: map[int64]*opened{}}
	var seen tallied
	for i := range events {
		r.step(i, &events[i])
		for range cuts[i+1] {
			seen.judge(t, r, keys, rand.New(rand.NewPCG(random, uint64(i))))
		}
		if t.Failed() {
			t.Fatalf("the cut is after event %d, %s", i, events[i].name)
		}
	}
	t.Logf("figures: %d events, %d images, %d opened; %d times a promised move was there, %d times an objection; %d journals for a person to look at",
		len(events), n, seen.Opened, seen.Moves, seen.Objections, seen.Refused)
	if seen.Opened < n/2 || seen.Moves == 0 || seen.Objections == 0 {
		t.Errorf("of %d images: %+v; the rig shows nothing", n, seen)
	}
}

// tallied is what the images showed.
type tallied struct {
	Opened int
	// Refused are journals that a person has to look at.
	Refused    int
	Moves      int // promised and found, in all images
	Objections int
}

// mustPrepareWork makes a store that work can begin in.
func mustPrepareWork(t *testing.T) (string, *store.Keys) {
	t.Helper()
	folder := t.TempDir()
	paths := store.PathsIn(folder)
	keys, err := store.LoadOrCreateKeys(paths.Keys, false)
	if err != nil {
		t.Fatal(err)
	}
	builder := mustBegin(t, store.DirectoryBuilderOptions{Path: paths.Directory, Keys: keys, Attributes: workAttributes(t, folder)})
	paris, _ := contact.FindTerritory("FR-75")
	for i := range workPeople {
		number := fictional(t, i)
		person := &dialer.Contact{
			ID: keys.Identity.ID(number), Line: contact.Mobile, Territory: paris, BirthYear: 1950,
			Values: make([]uint16, len(workAttributes(t, folder))),
		}
		if err := builder.Add(person, number); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := builder.Build(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return folder, keys
}

func workAttributes(t *testing.T, folder string) []dialer.Attribute {
	t.Helper()
	registry, _, err := workRules(folder)
	if err != nil {
		t.Fatal(err)
	}
	return registry.Attributes
}

// judge makes one image of the disk, and opens a store on it.
func (s *tallied) judge(t *testing.T, r *replayer, keys *store.Keys, random *rand.Rand) {
	t.Helper()
	folder := t.TempDir()
	r.disk.image(t, random, folder)
	paths := store.PathsIn(folder)
	ledger, err := store.OpenLedger(paths.Ledger, store.LedgerOptions{Keys: keys})
	if err != nil {
		t.Errorf("the ledger cannot be opened: %v", err)
		return
	}
	s.Opened++
	last, err := store.NewWitness(paths.Mark).Last()
	if err != nil {
		content, _ := os.ReadFile(paths.Mark)
		t.Errorf("the mark: %v: %q", err, content)
	}
	objections := map[contact.ID]bool{}
	err = ledger.View(func(tx dialer.Tx) error {
		for _, fault := range dialer.CheckBooks(tx) {
			t.Error(fault)
		}
		if why := dialer.RestoredBecause(tx, last); why != "" {
			t.Errorf("the ledger is taken for a restored one: %s", why)
		}
		for _, what := range r.acknowledged {
			if number, found := strings.CutPrefix(what, "m"); found {
				n, _ := strconv.ParseUint(number, 10, 64)
				if tx.Get(dialer.BucketMeta, countedKey(n)) == nil {
					t.Errorf("move %d was promised and is not there", n)
				}
				s.Moves++
			}
		}
		return dialer.EachObjection(tx, func(o dialer.Objection) { objections[o.Contact] = false })
	})
	if err := errors.Join(err, ledger.Close()); err != nil {
		t.Error(err)
	}
	storetest.MustBeSound(t, paths.Ledger)
	s.journal(t, paths.Journal, r.acknowledged, objections)
	_ = os.RemoveAll(folder)
}

// journal checks the journal against what was acknowledged and what the ledger has.
func (s *tallied) journal(t *testing.T, path string, acknowledged []string, inLedger map[contact.ID]bool) {
	t.Helper()
	journal, err := store.OpenJournal(path)
	if err != nil {
		if s.Refused++; !strings.Contains(err.Error(), "damaged at offset") {
			t.Errorf("the journal cannot be opened, and does not say why: %v", err)
		}
		return
	}
	inJournal := map[string]bool{}
	for _, e := range replay(t, journal) {
		inJournal[e.ID.String()] = true
	}
	if err := journal.Close(); err != nil {
		t.Error(err)
	}
	for id := range inLedger {
		if !inJournal[id.String()] {
			t.Error("an objection is in the ledger and not in the journal")
		}
	}
	for _, what := range acknowledged {
		if id, found := strings.CutPrefix(what, "o"); found {
			s.Objections++
			if _, known := inLedger[mustParseID(t, id)]; !known || !inJournal[id] {
				t.Errorf("an acknowledged objection: in the ledger %t, in the journal %t", known, inJournal[id])
			}
		}
	}
}

func mustParseID(t *testing.T, text string) (id contact.ID) {
	t.Helper()
	if _, err := fmt.Sscanf(text, "%x", &id); err != nil {
		raw := id[:]
		if _, err := fmt.Sscanf(text, "%x", &raw); err != nil || len(raw) != len(id) {
			t.Fatalf("%q is no contact: %v", text, err)
		}
		copy(id[:], raw)
	}
	return id
}

// recorder is a journal's file that feeds a simulated disk.
type recorder struct {
	*os.File
	disk *simFile
	at   int
}

// WriteAt writes, and notes what.
func (f *recorder) WriteAt(p []byte, offset int64) (int, error) {
	f.at++
	f.disk.changes = append(f.disk.changes, change{offset: offset, data: append([]byte(nil), p...), at: f.at})
	return f.File.WriteAt(p, offset)
}

// Truncate cuts, and notes it.
func (f *recorder) Truncate(size int64) error {
	f.at++
	f.disk.changes = append(f.disk.changes, change{length: size, at: f.at})
	return f.File.Truncate(size)
}

// Sync brings all to disk.
func (f *recorder) Sync() error {
	f.at++
	f.disk.sync(f.at)
	return f.File.Sync()
}

// Ensure the same of the journal alone, where nobody can watch system calls: with
// lists so long that one write has several pages.
func TestJournal_PowerCutImages(t *testing.T) {
	t.Parallel()
	n, random := images(t, 150, 3000), seed(t)
	draw := rand.New(rand.NewPCG(random, 1))
	content, _ := written(t, 0)
	path := mustWrite(t, t.TempDir(), content)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	recorded := &recorder{File: f, disk: &simFile{durable: content}}
	journal, err := store.NewJournal(recorded, path)
	if err != nil {
		t.Fatal(err)
	}
	acknowledged, refused := 0, 0
	image := filepath.Join(t.TempDir(), "objections.journal")
	for i := range n {
		if i%10 == 0 {
			size := []int{1, 1, 3, 200}[draw.IntN(4)]
			if err := journal.Append(entries(acknowledged + size)[acknowledged:]...); err != nil {
				t.Fatal(err)
			}
			acknowledged += size
		}
		// The next write is on its way: nobody was told that it holds.
		cut := &simFile{durable: recorded.disk.durable}
		next := store.AppendRecords(entries(acknowledged + 1 + draw.IntN(200))[acknowledged:]...)
		cut.changes = []change{{offset: int64(len(cut.durable)), data: next}}
		if err := os.WriteFile(image, cut.image(draw), 0o600); err != nil {
			t.Fatal(err)
		}
		opened, err := store.OpenJournal(image)
		if err != nil {
			if refused++; !strings.Contains(err.Error(), "damaged at offset") {
				t.Errorf("%s=%d: %v", rigSeed, random, err)
			}
			continue
		}
		got := replay(t, opened)
		if len(got) < acknowledged {
			t.Errorf("%s=%d: %d of %d acknowledged objections are there", rigSeed, random, len(got), acknowledged)
		}
		for at, e := range got {
			if e.ID != entry(at).ID {
				t.Fatalf("%s=%d: entry %d is another one", rigSeed, random, at)
			}
		}
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := journal.Close(); err != nil {
		t.Error(err)
	}
	t.Logf("figures: %d images, %d refused for a person to look at", n, refused)
	if refused > n/2 {
		t.Errorf("%d of %d images were refused", refused, n)
	}
}
