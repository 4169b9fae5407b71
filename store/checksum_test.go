package store_test

import (
	"encoding/binary"
	"hash/crc32"
)

// storeChecksum puts length and checksum of a journal record right, as a
// program would that knows of more than this one.
func storeChecksum(record []byte) {
	payload := record[8:]
	binary.BigEndian.PutUint32(record, uint32(len(payload)))
	binary.BigEndian.PutUint32(record[4:], crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli)))
}
