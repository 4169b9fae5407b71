package audit

import (
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/tlog"
)

// Leaf is the SHA-256 of an entry's text.
type Leaf [32]byte

// Tree is a Merkle tree that grows by one leaf after the other. It keeps only what
// is needed to go on: the root of each full subtree at its right edge. The zero
// Tree is empty.
type Tree struct {
	size int64
	// edge has at place n the root of the full subtree of 2^n leaves that is part
	// of the tree; it counts only where size has that bit.
	edge []tlog.Hash
}

// Size is the number of leaves.
func (t *Tree) Size() int64 { return t.size }

// Add appends a leaf.
func (t *Tree) Add(leaf Leaf) {
	hash := tlog.RecordHash(leaf[:])
	level := 0
	for ; t.size>>level&1 == 1; level++ {
		hash = tlog.NodeHash(t.edge[level], hash)
	}
	if level == len(t.edge) {
		t.edge = append(t.edge, tlog.Hash{})
	}
	t.edge[level] = hash
	t.size++
}

// Root is the hash of the whole tree, the zero Hash where it is empty.
func (t *Tree) Root() tlog.Hash {
	var root tlog.Hash
	first := true
	for level, hash := range t.edge {
		switch {
		case t.size>>level&1 == 0:
		case first:
			root, first = hash, false
		default:
			root = tlog.NodeHash(hash, root)
		}
	}
	return root
}

// Leaves yields the leaves of a year's tree from one place up to another, which is
// not among them, counted from 0.
type Leaves func(from, to int64) iter.Seq[Leaf]

// ReadHashes is part of tlog.HashReader. Inner hashes are not kept anywhere: they
// are worked out of the leaves, since proofs are seldom asked for.
func (l Leaves) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		var subtree Tree
		for leaf := range l(n<<level, (n+1)<<level) {
			subtree.Add(leaf)
		}
		if subtree.size != 1<<level {
			return nil, fmt.Errorf("the log has not all leaves from %d to %d", n<<level, (n+1)<<level)
		}
		hashes[i] = subtree.Root()
	}
	return hashes, nil
}
