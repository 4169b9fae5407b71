package sandbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrLogDamaged is returned, wrapped with the place, for a log that is no longer
// whole: a line that is no record, or a sequence with a gap. A torn last line is
// no damage: it is what the death of a process leaves behind.
var ErrLogDamaged = errors.New("sandbox log is damaged")

// ReadLog reads a log, which may still be growing. A last line without its end
// is left out. It returns an error wrapping [ErrLogDamaged] if the log cannot be
// trusted, beside the records before the damage. For a log of millions of records
// [ScanLog] and [JudgeLog] need less memory.
func ReadLog(path string) ([]Record, error) {
	var records []Record
	err := ScanLog(path, func(record Record) error {
		records = append(records, record)
		return nil
	})
	return records, err
}

// ScanLog hands the records of a log to visit, one by one, and stops at its first
// error, which it returns wrapped. Otherwise it is as [ReadLog].
func ScanLog(path string, visit func(Record) error) error {
	return scanFile(path, func(record *Record) error { return visit(*record) })
}

// scanFile is ScanLog for those who keep no record: it is the same one each time.
func scanFile(path string, visit func(*Record) error) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open sandbox log: %w", err)
	}
	defer func() { _ = file.Close() }()
	if _, err := scanLog(file, visit); err != nil {
		return fmt.Errorf("read sandbox log %s: %w", path, err)
	}
	return nil
}

// scanLog hands every whole record to visit, in order, and returns the number of
// bytes that they take up. The record is the same one each time.
func scanLog(reader io.Reader, visit func(*Record) error) (int64, error) {
	var whole int64
	var record Record
	lines := bufio.NewReaderSize(reader, 1<<16)
	for sequence := uint64(1); ; sequence++ {
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			return whole, nil
		}
		if err != nil {
			return whole, fmt.Errorf("line %d: %w", sequence, err)
		}
		record = Record{}
		if err := record.decode(line); err != nil {
			return whole, fmt.Errorf("%w: line %d: %w", ErrLogDamaged, sequence, err)
		}
		if record.Seq != sequence {
			return whole, fmt.Errorf("%w: line %d has sequence %d", ErrLogDamaged, sequence, record.Seq)
		}
		if err := visit(&record); err != nil {
			return whole, fmt.Errorf("line %d: %w", sequence, err)
		}
		whole += int64(len(line))
	}
}

// readLine returns the next line, which the next call overwrites unless it is
// longer than the reader's buffer.
func readLine(lines *bufio.Reader) ([]byte, error) {
	line, err := lines.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	line = bytes.Clone(line)
	rest, err := lines.ReadBytes('\n')
	return append(line, rest...), err
}
