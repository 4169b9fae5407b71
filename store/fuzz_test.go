package store

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

func journalOf(entries ...JournalEntry) []byte {
	text := []byte(journalHead)
	for i := range entries {
		text = appendRecord(text, &entries[i])
	}
	return text
}

// FuzzReadJournal ensures that no file is taken for a journal that it is not:
// what is read is written to the same bytes, a torn end is only an end, and an
// entry that is appended behind it is the next one to be read.
func FuzzReadJournal(f *testing.F) {
	one := JournalEntry{ID: contact.ID{1}, At: time.Unix(1, 2).UTC(), Way: "sms", Reason: "KEYWORD"}
	two := JournalEntry{ID: contact.ID{2}, Channel: contact.SMS, Party: "party-a", At: time.Unix(3, 4).UTC(), Way: "list"}
	whole := journalOf(one, two)
	for _, text := range [][]byte{
		nil, []byte(journalHead), whole, whole[:len(whole)-1], append(slices.Clone(whole), make([]byte, 100)...),
		append(slices.Clone(whole), whole[len(journalHead):]...), append(journalOf(one), 0xff), bytes.Repeat([]byte{0}, 64),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var entries []JournalEntry
		reading, err := readJournal(bytes.NewReader(text), func(e JournalEntry) error {
			entries = append(entries, e)
			return nil
		})
		if err != nil {
			return
		}
		if reading.entries != len(entries) || reading.end+reading.torn != int64(len(text)) {
			t.Fatalf("%d entries up to %d and %d torn bytes of %d, but %d were told", reading.entries, reading.end, reading.torn, len(text), len(entries))
		}
		// Lengths of texts may be written longer than they need be.
		written := journalOf(entries...)
		if int64(len(written)) == reading.end && !bytes.Equal(written, text[:reading.end]) {
			t.Errorf("%x is written as %x", text[:reading.end], written)
		}
		again := slices.Clone(text[:reading.end])
		last := len(entries)
		if _, err := readJournal(bytes.NewReader(appendRecord(again, &two)), func(e JournalEntry) error {
			if last--; last < 0 && e != two {
				t.Errorf("behind the torn end stands %+v", e)
			}
			return nil
		}); err != nil || last != -1 {
			t.Errorf("an entry behind the torn end: %d left, %v", last, err)
		}
	})
}

// FuzzDirectoryRow ensures that a damaged row is refused or brings what the
// tables hold, that rewriting it keeps its facts and its sealed number, and that
// its number does not open.
func FuzzDirectoryRow(f *testing.F) {
	attributes := []dialer.Attribute{{Name: "gender", Values: []string{"f", "m"}}, {Name: "age", Values: []string{"18-24", "25-34"}}}
	t := tables{Attributes: attributes, Sources: []string{"list"}}
	encoder, err := newRowEncoder(newGrowing(t))
	if err != nil {
		f.Fatal(err)
	}
	paris, _ := contact.FindTerritory("FR-75")
	facts, err := encoder.facts(nil, &dialer.Contact{Line: contact.Mobile, Territory: paris, Zone: paris.Zones[0], BirthYear: 1950, Values: []uint16{1, 2}})
	if err != nil {
		f.Fatal(err)
	}
	resolved, err := encoder.growing.settled().resolve()
	if err != nil {
		f.Fatal(err)
	}
	decoder := &rowDecoder{resolved: resolved, columns: newColumns(attributes, attributes), sources: 1}
	turned := newColumns(attributes, []dialer.Attribute{attributes[1], {Name: "gender", Values: []string{"m", "f", "x"}}})
	var secret Secret
	secret.bytes[0] = 7
	sealing, err := newSealer(SealKey{secret})
	if err != nil {
		f.Fatal(err)
	}
	for _, row := range [][]byte{nil, make([]byte, sealedSize), append(facts, make([]byte, sealedSize)...), append(facts[:3], make([]byte, sealedSize)...), bytes.Repeat([]byte{0x80}, 60)} {
		f.Add(row)
	}
	f.Fuzz(func(t *testing.T, row []byte) {
		var c dialer.Contact
		if err := decoder.decode(row, &c); err != nil {
			return
		}
		if int(c.Source) != 0 || len(c.Values) != 2 || c.Values[0] > 2 || c.Values[1] > 2 || c.BirthYear < 0 {
			t.Errorf("row %x is read as %+v", row, c)
		}
		again, err := encoder.facts(nil, &c)
		if err == nil && len(again) == len(row)-sealedSize && !bytes.Equal(again, row[:len(row)-sealedSize]) {
			t.Errorf("row %x is written as %x", row, again)
		}
		var scratch []uint16
		other, err := rewriteRow(nil, row, &turned, &scratch)
		if err != nil || !bytes.Equal(other[len(other)-sealedSize:], row[len(row)-sealedSize:]) {
			t.Fatalf("row %x cannot be rewritten: %v", row, err)
		}
		if number, err := sealing.open(contact.ID{1}, row[len(row)-sealedSize:]); err == nil {
			t.Errorf("a sealed number that nobody sealed opens as %s", number)
		}
	})
}
