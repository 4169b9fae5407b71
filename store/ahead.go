package store

import "github.com/hustings/hustings/consent/contact"

// record is one row of an import, in the order of the merge.
type record struct {
	id      contact.ID
	ordinal uint64
	row     []byte // of the block
}

// recordBlock is some records on their way from the merge to the load. An error
// ends the merge behind them.
type recordBlock struct {
	records []record
	rows    []byte
	err     error
}

const (
	blockRecords = 1024
	blockRows    = 128 << 10
	blockCount   = 8
)

// ahead merges runs in a goroutine of its own, some blocks ahead of whoever takes
// the records: reading and comparing cost as much as half the load.
type ahead struct {
	full, spare chan *recordBlock
	stop        chan struct{}
	current     *recordBlock
	at          int
}

func mergeAhead(runs []string) (*ahead, error) {
	merged, err := newMerger(runs)
	if err != nil {
		return nil, err
	}
	a := &ahead{
		full: make(chan *recordBlock, blockCount), spare: make(chan *recordBlock, blockCount), stop: make(chan struct{}),
	}
	for range blockCount {
		a.spare <- &recordBlock{records: make([]record, 0, blockRecords), rows: make([]byte, 0, blockRows)}
	}
	go a.run(merged)
	a.receive()
	return a, nil
}

// run fills blocks until there are no more records or nobody wants them.
func (a *ahead) run(merged *merger) {
	defer close(a.full)
	defer func() { _ = merged.close() }() // only read
	for merged.least() != nil {
		select {
		case <-a.stop:
			return
		case block := <-a.spare:
			block.fill(merged)
			a.full <- block // has room for all blocks
			if block.err != nil {
				return
			}
		}
	}
}

func (b *recordBlock) fill(merged *merger) {
	b.records, b.rows = b.records[:0], b.rows[:0]
	for least := merged.least(); least != nil && len(b.records) < blockRecords; least = merged.least() {
		if len(b.records) > 0 && len(b.rows)+len(least.row) > cap(b.rows) {
			return // those before it point into the rows
		}
		start := len(b.rows)
		b.rows = append(b.rows, least.row...)
		b.records = append(b.records, record{id: least.id(), ordinal: least.ordinal, row: b.rows[start:len(b.rows):len(b.rows)]})
		if b.err = merged.next(); b.err != nil {
			return
		}
	}
}

// least returns the record that comes next, nil at the end. It is valid until
// next is called.
func (a *ahead) least() *record {
	if a.at == len(a.current.records) {
		return nil
	}
	return &a.current.records[a.at]
}

// next moves on to the record after the least one.
func (a *ahead) next() error {
	if a.at++; a.at < len(a.current.records) {
		return nil
	}
	return a.turn()
}

// turn puts a block away that was used up and takes the next one in hand.
func (a *ahead) turn() error {
	if err := a.current.err; err != nil {
		return err
	}
	a.spare <- a.current // has room for all blocks
	a.receive()
	return nil
}

// receive takes a block in hand, an empty one at the end.
func (a *ahead) receive() {
	a.at = 0
	if block, more := <-a.full; more {
		a.current = block
	} else {
		a.current = new(recordBlock)
	}
}

// close ends the merge and returns once it has let go of its files.
func (a *ahead) close() {
	close(a.stop)
	for range a.full { // closed once run has ended
	}
}
