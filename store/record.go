package store

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// The journal's file: a head, then records.
//
//	record   length (4 bytes)  CRC-32C of the rest (4)  payload
//	payload  version (1)  ID (16)  channel (1)  instant, ns since 1970 (8)
//	         party, way, reason (length as varint, text)
//
// Integers are big-endian.
const (
	journalHead       = "hustings objections 1\n"
	recordHead        = 8
	entryVersion      = 1
	entryFixed        = 1 + contact.IDSize + 1 + 8
	entryTextLimit    = 1024 // bytes of each text
	recordPayloadMost = entryFixed + 3*(2+entryTextLimit)
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// JournalEntry is one objection.
type JournalEntry struct {
	ID contact.ID
	// Channel is what the contact objects to; contact.AnyChannel for all.
	Channel contact.Channel
	// Party is whose campaigns the objection is against; empty for all.
	Party string
	// At is when the contact objected. It comes back in UTC.
	At time.Time
	// Way is how the objection came, such as "sms".
	Way string
	// Reason says more, in words that hold no number.
	Reason string
}

func (e *JournalEntry) validate() error {
	if e.ID == (contact.ID{}) {
		return errors.New("an objection without a contact")
	}
	for _, text := range []string{e.Party, e.Way, e.Reason} {
		if len(text) > entryTextLimit {
			return fmt.Errorf("objection of %s: a text has %d bytes, %d at most are kept", e.ID, len(text), entryTextLimit)
		}
	}
	return nil
}

func appendRecord(records []byte, e *JournalEntry) []byte {
	start := len(records)
	records = append(records, make([]byte, recordHead)...)
	records = append(records, entryVersion)
	records = append(records, e.ID[:]...)
	records = append(records, byte(e.Channel))
	records = binary.BigEndian.AppendUint64(records, uint64(e.At.UnixNano()))
	for _, text := range []string{e.Party, e.Way, e.Reason} {
		records = binary.AppendUvarint(records, uint64(len(text)))
		records = append(records, text...)
	}
	payload := records[start+recordHead:]
	binary.BigEndian.PutUint32(records[start:], uint32(len(payload)))
	binary.BigEndian.PutUint32(records[start+4:], crc32.Checksum(payload, castagnoli))
	return records
}

var errEntry = errors.New("the record is whole, yet its content is not an objection: a newer program may have written it")

func decodeEntry(payload []byte) (e JournalEntry, err error) {
	if len(payload) < entryFixed || payload[0] != entryVersion {
		return e, errEntry
	}
	rest := payload[1:]
	e.ID, rest = contact.ID(rest[:contact.IDSize]), rest[contact.IDSize:]
	e.Channel, rest = contact.Channel(rest[0]), rest[1:]
	e.At, rest = time.Unix(0, int64(binary.BigEndian.Uint64(rest))).UTC(), rest[8:]
	for _, text := range []*string{&e.Party, &e.Way, &e.Reason} {
		length, n := binary.Uvarint(rest)
		if n <= 0 || uint64(len(rest)-n) < length {
			return e, errEntry
		}
		*text, rest = string(rest[n:n+int(length)]), rest[n+int(length):]
	}
	if len(rest) > 0 {
		return e, errEntry
	}
	return e, nil
}

// journalReading is what came of reading a journal.
type journalReading struct {
	entries int
	// end is the offset behind the last whole record, torn the number of bytes
	// behind it.
	end, torn int64
}

// damage is a record that cannot be read and is not merely torn.
func damage(offset int64, what string) error {
	return fmt.Errorf("damaged at offset %d: %s; an objection may be lost there: "+
		"put the file back from its copy, or compare it with one before cutting anything", offset, what)
}

// readJournal calls each for every whole record. A record cut short by the end
// of the file is torn, not damaged; so are zeros up to the end, which a power
// loss leaves where the file had grown before its content was written.
func readJournal(file io.ReaderAt, each func(JournalEntry) error) (journalReading, error) {
	reading := journalReading{end: int64(len(journalHead))}
	in := bufio.NewReaderSize(io.NewSectionReader(file, 0, 1<<62), 64<<10)
	head := make([]byte, len(journalHead))
	if _, err := io.ReadFull(in, head); err != nil || string(head) != journalHead {
		return reading, damage(0, fmt.Sprintf("the file does not begin with %q", journalHead))
	}
	for {
		window, err := in.Peek(recordHead + recordPayloadMost)
		if err != nil && !errors.Is(err, io.EOF) {
			return reading, fmt.Errorf("read at offset %d: %w", reading.end, err)
		}
		if len(window) == 0 {
			return reading, nil
		}
		size, fault := wholeRecord(window)
		if size == 0 {
			tail, err := tornTail(in, window, errors.Is(err, io.EOF))
			if err != nil {
				return reading, fmt.Errorf("read behind offset %d: %w", reading.end, err)
			}
			if tail == 0 {
				return reading, damage(reading.end, fault)
			}
			reading.torn = tail
			return reading, nil
		}
		entry, err := decodeEntry(window[recordHead:size])
		if err != nil {
			return reading, damage(reading.end, err.Error())
		}
		if err := each(entry); err != nil {
			return reading, err
		}
		_, _ = in.Discard(size) // peeked already
		reading.entries++
		reading.end += int64(size)
	}
}

// wholeRecord returns the size of the record that window begins with, 0 and
// what is wrong where there is none.
func wholeRecord(window []byte) (size int, fault string) {
	if len(window) < recordHead {
		return 0, "the file ends within a record's head"
	}
	length := int(binary.BigEndian.Uint32(window))
	switch {
	case length < entryFixed || length > recordPayloadMost:
		return 0, fmt.Sprintf("no record has %d bytes", length)
	case recordHead+length > len(window):
		return 0, "the file ends within a record"
	case crc32.Checksum(window[recordHead:recordHead+length], castagnoli) != binary.BigEndian.Uint32(window[4:]):
		return 0, "the checksum is wrong"
	}
	return recordHead + length, ""
}

// tornTail returns how many bytes a crash has left of the last write, 0 where
// what window begins with is damage instead. Last tells whether the window
// reaches to the end of the file.
func tornTail(in io.Reader, window []byte, last bool) (int64, error) {
	if last && torn(window) {
		return int64(len(window)), nil
	}
	var size int64
	block := make([]byte, 32<<10)
	for {
		n, err := in.Read(block)
		if len(bytes.Trim(block[:n], "\x00")) > 0 {
			return 0, nil
		}
		size += int64(n)
		switch {
		case errors.Is(err, io.EOF):
			return size, nil
		case err != nil:
			return 0, err
		}
	}
}

// torn tells whether rest, which reaches to the file's end and does not begin
// with a whole record, is the beginning of one. A damaged length would make
// good records look like that; a whole record further on gives it away.
func torn(rest []byte) bool {
	for i := range rest {
		if size, _ := wholeRecord(rest[i:]); size > 0 {
			return false
		}
	}
	if len(rest) < recordHead {
		return true
	}
	length := int(binary.BigEndian.Uint32(rest))
	return length >= entryFixed && length <= recordPayloadMost && recordHead+length > len(rest)
}
