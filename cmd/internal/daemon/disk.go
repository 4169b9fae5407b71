package daemon

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/dialer"
)

// What is promised of a disk that fills up:
//
//   - Below store.minimum_free nothing is dialled, long before the disk is full.
//     Jobs, statuses, orders and objections go on, and dialling does by itself
//     once a quarter more than the minimum is free.
//   - On a disk that is full the ledger fails. Nothing is lost: a status or a
//     text that cannot be written is not acknowledged and comes again. Objections
//     are made effective from the journal alone, which has room of its own for
//     some 20,000 of them, while the daemon lingers and starts again and again
//     until there is space (see linger.go).
//   - The ledger itself gets no such room. One transaction may need any number of
//     pages, and what the journal holds it is told at the next start.

// disk is what the watch on the data directory's disk found last.
type disk struct {
	free  atomic.Uint64
	short atomic.Bool
}

// lookAtDisk measures the free space, and halts dialling while there is too
// little. So does a disk that cannot be measured: silence is safe. Dialling goes
// on only with a margin, so that it does not flicker at the threshold.
func (d *Daemon) lookAtDisk() {
	least := uint64(d.config.Store.MinimumFree)
	if least == 0 {
		return
	}
	free, known, err := freeSpace(d.config.DataDirectory)
	if !known {
		return
	}
	wanted := least
	if d.disk.short.Load() {
		wanted += least / 4
	}
	short := err != nil || free < wanted
	d.disk.free.Store(free)
	d.disk.short.Store(short)
	d.dialer.Halt(dialer.HaltDisk, short)
	if !short {
		d.journal.Reserve() // used up, perhaps, while there was no space
	}
}

// fullDisk is how little free space makes a disk a full one, whatever minimum is
// configured.
const fullDisk = uint64(configs.MiB)

// diskIsFull tells whether what failed may have failed for want of space.
func (d *Daemon) diskIsFull() bool {
	free, known, err := freeSpace(d.config.DataDirectory)
	return err != nil || known && free < max(fullDisk, uint64(d.config.Store.MinimumFree))
}

func (d *Daemon) watchDisk(ctx context.Context) error {
	return everyReal(ctx, time.Second, func() error { d.lookAtDisk(); return nil })
}

// explainDisk says how much space is wanted.
func (d *Daemon) explainDisk() string {
	least := d.config.Store.MinimumFree
	return fmt.Sprintf("the disk is nearly full: %s are free at %s and %s are wanted (store.minimum_free); "+
		"dialling goes on by itself once there are %s, opt-outs are taken meanwhile",
		configs.Size(d.disk.free.Load()), d.config.DataDirectory, least, least+least/4)
}
