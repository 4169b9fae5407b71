package country

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// What a nation may be asked for.
const (
	// MaxContacts leaves gaps between the numbers in use, as there are in life.
	MaxContacts  = 60_000_000
	MaxCampaigns = 100
)

// Formats are the ends of the names that lists can have.
var Formats = []string{"csv", "csv.gz", "csv.zst"}

// Options say what to generate.
type Options struct {
	// Contacts is how many rows the lists of contacts have together. About 2 in
	// 100 are faulty or for somebody who stands in another row.
	Contacts int
	// Seed chooses the people. Contacts and Seed alone decide about them.
	Seed uint64
	// Grants is about how many people consented, to one party each, and OptOuts
	// about how many objected. They are drawn independently.
	Grants, OptOuts int
	// Campaigns is how many campaigns there are, each of a party of its own, and
	// Size how many contacts each of them orders.
	Campaigns, Size int
	// Format is how the lists are packed: one of Formats.
	Format string
	// WithoutContacts leaves the lists of contacts out, where they are there
	// already and other campaigns are to run over them.
	WithoutContacts bool
}

// Check says what is wrong with the options.
func (o Options) Check() error {
	switch {
	case o.Contacts < 1 || o.Contacts > MaxContacts:
		return fmt.Errorf("%d contacts: want 1 to %d", o.Contacts, MaxContacts)
	case o.Campaigns < 1 || o.Campaigns > MaxCampaigns:
		return fmt.Errorf("%d campaigns: want 1 to %d", o.Campaigns, MaxCampaigns)
	case o.Grants < 0 || o.Grants > o.Contacts:
		return fmt.Errorf("%d people who consented: want 0 to %d, the contacts", o.Grants, o.Contacts)
	case o.OptOuts < 0 || o.OptOuts > o.Contacts:
		return fmt.Errorf("%d people who objected: want 0 to %d, the contacts", o.OptOuts, o.Contacts)
	case o.Size < 1 || o.Size > o.Contacts:
		return fmt.Errorf("campaigns of %d contacts: want 1 to %d, all of them", o.Size, o.Contacts)
	case !slices.Contains(Formats, o.Format):
		return fmt.Errorf("format %q: want one of %q", o.Format, Formats)
	}
	return nil
}

// synthetic is the text of the file that tells people what the lists are.
const synthetic = `The lists in this folder are synthetic: no person in them exists. Their numbers are NOT
reserved for fiction, and somebody may have any of them: they must only ever reach a sandbox.
The header of the numbers says so, and a daemon with a real carrier takes none of them.
`

// Generate writes lists, registry and campaigns into dir, which is made if it
// is not there, and returns the names of the files in order. The same options
// give the same bytes on every machine.
func Generate(ctx context.Context, options Options, dir string) ([]string, error) {
	if err := options.Check(); err != nil {
		return nil, fmt.Errorf("generate a country: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "campaigns"), 0o750); err != nil {
		return nil, fmt.Errorf("generate a country: %w", err)
	}
	written, err := writeOrders(options, dir)
	if err != nil {
		return nil, fmt.Errorf("generate a country: %w", err)
	}
	nation, err := newNation(options)
	if err != nil {
		return nil, fmt.Errorf("generate a country: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, list := range nation.lists() {
		written = append(written, list.name)
		group.Go(func() error { return list.write(ctx.Err, dir) })
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("generate a country: %w", err)
	}
	slices.Sort(written)
	return written, nil
}

// WritePeople writes everybody of whom the lists of contacts tell, once and
// plainly, into one file: E.164 without the plus, territory, age band, gender,
// commune and income, with commas. It is what others are given to load.
func WritePeople(ctx context.Context, options Options, path string) error {
	if err := options.Check(); err != nil {
		return fmt.Errorf("write people: %w", err)
	}
	nation, err := newNation(options)
	if err != nil {
		return fmt.Errorf("write people: %w", err)
	}
	people := list{
		name: filepath.Base(path), header: "synthetic number,territory,age_band,gender,commune,income_band", lineEnd: "\n",
		to: uint64(options.Contacts), row: nation.plainRow,
	}
	return people.write(ctx.Err, filepath.Dir(path))
}

// lists are all lists of the nation.
func (n *nation) lists() []list {
	var lists []list
	rows := uint64(n.options.Contacts)
	for i := range dialects {
		if n.options.WithoutContacts {
			break
		}
		dialect, at := &dialects[i], uint64(i)
		lists = append(lists, list{
			name: fmt.Sprintf("contacts-%d.%s", i+1, n.options.Format), header: dialect.header, lineEnd: dialect.lineEnd,
			from: rows * at / contactFiles, to: rows * (at + 1) / contactFiles, row: n.contactRows(dialect),
		})
	}
	return append(lists,
		list{name: "grants." + n.options.Format, header: grantHeader, lineEnd: "\n", to: rows, row: n.grantRow},
		list{name: "optouts." + n.options.Format, header: objectionHeader, lineEnd: "\n", to: rows, row: n.objectionRow})
}

func writeOrders(options Options, dir string) ([]string, error) {
	files, err := orders(options)
	if err != nil {
		return nil, err
	}
	files["SYNTHETIC"] = []byte(synthetic)
	var written []string
	for name, text := range files {
		written = append(written, name)
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return nil, err
		}
	}
	return written, nil
}
