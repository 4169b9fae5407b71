package sample

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
)

// Files are the committed sample of 10,000 contact rows, with the marker that
// they are synthetic.
//
//go:embed README.md SYNTHETIC contacts-1.csv contacts-2.csv.gz grants.csv optouts.csv
var Files embed.FS

// MaxContacts is the greatest sample that the fictional numbers suffice for.
const MaxContacts = 50_000

// Options say what to generate.
type Options struct {
	// Contacts is the number of rows in the two contact files together.
	Contacts int
	// Seed chooses the people. The same seed gives the same text.
	Seed uint64
}

// shares are counts of contact rows; together they are Options.Contacts.
type shares struct{ mobiles, landlines, twice, faulty int }

func sharesOf(contacts int) shares {
	const most = rangeSize - 500 // The rest is for rows and opt-outs of no person.
	s := shares{landlines: contacts * 9 / 100, twice: contacts * 3 / 100, faulty: contacts * 2 / 100}
	s.mobiles = contacts - s.landlines - s.twice - s.faulty
	if s.mobiles > most {
		s.landlines += s.mobiles - most
		s.mobiles = most
	}
	return s
}

// Generate writes a sample into dir, which is made if it is not there; files
// of the same names are replaced.
func Generate(options Options, dir string) error {
	if options.Contacts < 1 || options.Contacts > MaxContacts {
		return fmt.Errorf("generate a sample of %d contacts: want 1 to %d, as only so many numbers are fictional", options.Contacts, MaxContacts)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("generate a sample: %w", err)
	}
	r := &random{state: options.Seed}
	numbers := newPool(r)
	share := sharesOf(options.Contacts)
	people := make([]person, 0, share.mobiles+share.landlines)
	for range share.mobiles {
		people = append(people, newPerson(r, deal(&numbers.mobiles), true))
	}
	for range share.landlines {
		people = append(people, newPerson(r, deal(&numbers.landlines), false))
	}
	if err := writeContacts(r, dir, people, entries(r, share), numbers); err != nil {
		return err
	}
	if err := writeGrants(r, dir, people); err != nil {
		return err
	}
	if err := writeOptOuts(r, dir, people, numbers); err != nil {
		return err
	}
	return mark(dir)
}

// mark writes the file that tells programs and people that a folder's lists
// are invented.
func mark(dir string) error {
	marker, err := Files.ReadFile("SYNTHETIC")
	if err != nil {
		return fmt.Errorf("read the embedded marker: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "SYNTHETIC"), marker, 0o600); err != nil {
		return fmt.Errorf("mark the sample: %w", err)
	}
	return nil
}
