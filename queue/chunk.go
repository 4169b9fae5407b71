package queue

import (
	"crypto/hpke"
	"encoding/binary"
	"errors"
	"fmt"
)

// ChunkSize is how many bytes of a list travel in one chunk, before sealing.
const ChunkSize = 256 << 10

// ErrChunkRepeated means that the chunk came before and was opened then: the
// sender did not get the answer and may have it again.
var ErrChunkRepeated = errors.New("the chunk came before")

// ChunkSealer seals the chunks of one session, in their order.
type ChunkSealer struct {
	sender *hpke.Sender
	next   uint64
}

// NewChunkSealer begins a session. The encapsulated bytes go into
// IntakeOpen.Encapsulated.
func NewChunkSealer(public []byte) (encapsulated []byte, sealer *ChunkSealer, err error) {
	key, err := sealKEM().NewPublicKey(public)
	if err != nil {
		return nil, nil, fmt.Errorf("read the daemon's sealing key: %w", err)
	}
	encapsulated, sender, err := hpke.NewSender(key, sealKDF(), sealAEAD(), []byte(PurposeIntake))
	if err != nil {
		return nil, nil, fmt.Errorf("seal lists: %w", err)
	}
	return encapsulated, &ChunkSealer{sender: sender}, nil
}

// Seal seals the next chunk of the file with that index and returns its
// sequence in the session, from 0.
func (s *ChunkSealer) Seal(file int, plaintext []byte) (sequence uint64, sealed []byte, err error) {
	sequence = s.next
	sealed, err = s.sender.Seal(chunkPlace(file, sequence), plaintext)
	if err != nil {
		return 0, nil, fmt.Errorf("seal chunk %d: %w", sequence, err)
	}
	s.next++
	return sequence, sealed, nil
}

// ChunkOpener opens the chunks of one session, in their order and no other. It
// must not be used by two goroutines at once.
type ChunkOpener struct {
	recipient *hpke.Recipient
	next      uint64
	file      int
}

// NewChunkOpener returns the opener of the session that began with those
// encapsulated bytes. A *ControlError of CodeInvalid says that they are none.
func NewChunkOpener(private, encapsulated []byte) (*ChunkOpener, error) {
	key, err := sealKEM().NewPrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("read the sealing key: %w", err)
	}
	recipient, err := hpke.NewRecipient(encapsulated, key, sealKDF(), sealAEAD(), []byte(PurposeIntake))
	if err != nil {
		return nil, &ControlError{Code: CodeInvalid, Message: "the sealed session does not open", cause: err}
	}
	return &ChunkOpener{recipient: recipient}, nil
}

// Next returns the sequence of the chunk that must come next.
func (o *ChunkOpener) Next() uint64 { return o.next }

// Open returns the chunk's content. A chunk that came before is
// ErrChunkRepeated; one out of order, or of a file that is over, is a
// *ControlError of CodeConflict, and one that does not open is one of
// CodeInvalid. After an error the chunk that was due is due still.
func (o *ChunkOpener) Open(file int, sequence uint64, sealed []byte) ([]byte, error) {
	switch {
	case sequence < o.next:
		return nil, ErrChunkRepeated
	case sequence > o.next:
		return nil, &ControlError{
			Code: CodeConflict, Message: fmt.Sprintf("chunk %d came while %d was due", sequence, o.next),
			Hint: "send the lists again",
		}
	case file < o.file:
		return nil, &ControlError{
			Code: CodeConflict, Message: fmt.Sprintf("a chunk of file %d came after file %d had begun", file, o.file),
			Hint: "send the lists again",
		}
	}
	plaintext, err := o.recipient.Open(chunkPlace(file, sequence), sealed)
	if err != nil {
		return nil, &ControlError{
			Code: CodeInvalid, Message: fmt.Sprintf("chunk %d does not open", sequence),
			Hint: "it was changed on its way, or sealed to another key: send the lists again", cause: ErrSealed,
		}
	}
	o.next, o.file = o.next+1, file
	return plaintext, nil
}

// chunkPlace binds a chunk to its file, which travels in a header that anybody
// on the way could change.
func chunkPlace(file int, sequence uint64) []byte {
	place := binary.BigEndian.AppendUint64(nil, uint64(file))
	return binary.BigEndian.AppendUint64(place, sequence)
}
