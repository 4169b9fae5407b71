package audit

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Proof shows that an entry stands in the log of a checkpoint. It can be checked by
// whoever has the log's public key, and needs nothing else. What it does not prove it
// does not say: the entry's number among those of all years.
type Proof struct {
	Leaf Leaf `json:"leaf"`
	// Text is empty where it was deleted.
	Text []byte `json:"text,omitempty"`
	// Index is the entry's place in its year's tree, from 0.
	Index int64 `json:"index"`
	// Path leads from the leaf to the root: the hash of the other half at each step.
	Path tlog.RecordProof `json:"path"`
	// Checkpoint is a signed note of the tree.
	Checkpoint string `json:"checkpoint"`
}

// Prove makes the proof of an entry, by a signed checkpoint of a tree that it is in.
func Prove(entry Entry, index int64, checkpoint Checkpoint, signed []byte, leaves Leaves) (*Proof, error) {
	path, err := tlog.ProveRecord(checkpoint.Size, index, leaves)
	if err != nil {
		return nil, fmt.Errorf("prove entry %d: %w", entry.Sequence, err)
	}
	return &Proof{Leaf: entry.Leaf, Text: entry.Text, Index: index, Path: path, Checkpoint: string(signed)}, nil
}

// What can be wrong with a proof, beside its checkpoint.
var (
	ErrNotThere    = errors.New("the path does not lead to the checkpoint's root: the entry does not stand there")
	ErrTextChanged = errors.New("the entry's text is not what its leaf is the hash of")
)

// Check checks the proof, and returns the checkpoint that it rests on.
func (p *Proof) Check(verifier string) (Checkpoint, error) {
	checkpoint, err := Open([]byte(p.Checkpoint), verifier)
	if err != nil {
		return Checkpoint{}, err
	}
	if len(p.Text) > 0 && sha256.Sum256(p.Text) != p.Leaf {
		return Checkpoint{}, ErrTextChanged
	}
	if p.Index < 0 || p.Index >= checkpoint.Size {
		return Checkpoint{}, ErrNotThere
	}
	if err := tlog.CheckRecord(p.Path, checkpoint.Size, checkpoint.Root, p.Index, tlog.RecordHash(p.Leaf[:])); err != nil {
		return Checkpoint{}, ErrNotThere
	}
	return checkpoint, nil
}
