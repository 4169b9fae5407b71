package configs

import (
	"fmt"
	"os"
	"regexp"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// testNumbersFile is the file of the broker's own phones as it is written.
type testNumbersFile struct {
	Test []testNumberEntry `yaml:"test" want:"required"`
	// Seed are dialled within every campaign; there need be none.
	Seed []testNumberEntry `yaml:"seed"`
}

type testNumberEntry struct {
	// Name is what answers call the phone.
	Name   string `yaml:"name" want:"required"`
	Number string `yaml:"number" want:"required"`
	// Territory is where the phone is used, such as FR-75.
	Territory string `yaml:"territory" want:"required"`
}

// maxTestNumbers bounds how many phones there can be of each kind: a test is no
// campaign.
const maxTestNumbers = 20

// testNumberName leaves no room for a number in a name.
var testNumberName = regexp.MustCompile(`^[a-z]{1,20}(-[a-z]{1,20}){0,3}(-[0-9]{1,2})?$`)

// LoadTestNumbers reads the broker's own phones, of which there are none where the
// settings name no file.
func (c *Config) LoadTestNumbers() ([]dialer.OwnNumber, error) {
	if c.TestNumbersFile == "" {
		return nil, nil
	}
	return ReadTestNumbers(c.TestNumbersFile)
}

// ReadTestNumbers reads a file of the broker's own phones. One that others can read
// is refused. An error of type Faults lists everything that is wrong with it; none
// holds a number.
func ReadTestNumbers(path string) ([]dialer.OwnNumber, error) {
	d, err := openPrivate(path)
	if err != nil {
		return nil, err
	}
	numbers := d.testNumbers()
	if err := d.err(); err != nil {
		return nil, err
	}
	return numbers, nil
}

// openPrivate parses a file that nobody but its owner may read, and of which
// nothing is shown.
func openPrivate(path string) (*document, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", path, err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, Faults{{File: path, Reason: fmt.Sprintf("others can use this file (mode %04o), which holds phone numbers", mode), Hint: "chmod 600 it"}}
	}
	d := parseDocument(path, data, maxSettings)
	d.conceal()
	return d, nil
}

// testNumbers reads the document as a file of test numbers and checks it.
func (d *document) testNumbers() []dialer.OwnNumber {
	file := new(testNumbersFile)
	d.decode(file)
	d.notEmpty("test", len(file.Test))
	r := &ownNumberReader{document: d, names: map[string]string{}, seen: map[contact.Number]string{}}
	r.read("test", file.Test, false)
	r.read("seed", file.Seed, true)
	return r.numbers
}

// ownNumberReader reads the lists of a file, in which no phone stands twice.
type ownNumberReader struct {
	*document
	names   map[string]string
	seen    map[contact.Number]string
	numbers []dialer.OwnNumber
}

func (d *ownNumberReader) read(list string, entries []testNumberEntry, seed bool) {
	if len(entries) > maxTestNumbers {
		d.fault(list, "", "there are %d phones, %d at most", len(entries), maxTestNumbers)
	}
	for i, entry := range entries {
		at := fmt.Sprintf("%s[%d]", list, i)
		if d.sound(at+".name") && !testNumberName.MatchString(entry.Name) {
			d.fault(at+".name", "words of small letters with dashes between them, and at most two digits behind", "this cannot name a phone")
		}
		d.unique(d.names, at+".name", entry.Name)
		one := dialer.OwnNumber{Name: entry.Name, Seed: seed}
		one.Number, one.Line = d.textNumber(at+".number", entry.Number, d.seen)
		if d.sound(at + ".territory") {
			var known bool
			if one.Territory, known = contact.FindTerritory(entry.Territory); !known {
				d.fault(at+".territory", "such as FR-75", "%q is no territory", entry.Territory)
			}
		}
		d.numbers = append(d.numbers, one)
	}
}

// textNumber reads a number, in E.164, that can be sent a text.
func (d *document) textNumber(field, text string, seen map[contact.Number]string) (contact.Number, contact.LineType) {
	if !d.sound(field) {
		return contact.Number{}, contact.LineUnknown
	}
	number, err := contact.ParseE164(text)
	if err != nil {
		d.fault(field, "a plus sign and digits, in quotes", "this is no number in E.164")
		return number, contact.LineUnknown
	}
	_, line, err := contact.Parse(text, "")
	switch first, twice := seen[number]; {
	case err != nil || !line.Valid:
		d.fault(field, "", "no numbering plan has such a number")
	case !line.Type.TakesText():
		d.fault(field, "", "no text reaches such a line: it is a %s", line.Type)
	case twice:
		d.fault(field, "", "the number stands there twice: see %s on line %d", first, d.markFor(first).line)
	}
	seen[number] = field
	return number, line.Type
}
