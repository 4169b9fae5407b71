package dialer

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// HaltReason is why nothing is dialled at all, in no campaign. Whoever sees the
// reason halts the dialer, and lifts that halt once the reason is gone.
type HaltReason string

// The reasons. Each is a doubt in which silence is the safe answer (I16), or an
// operator's hand.
const (
	// HaltStopFile: an operator has put the stop file into the data directory.
	HaltStopFile HaltReason = "stop_file"
	// HaltDisk: the data directory's disk is nearly full. What is left of it is
	// for statuses and objections.
	HaltDisk HaltReason = "disk"
	// HaltPack: the rules in force are past their date, or before it (E9).
	HaltPack HaltReason = "pack_expired"
	// HaltRestored: the ledger is an older copy put back, and does not know what
	// was sent since. Only a finished reconcile lifts it: see Reconcile.
	HaltRestored HaltReason = "restored_ledger"
	// HaltClock: our clock was stepped, has slept through some time, or is not
	// the carrier's.
	HaltClock HaltReason = "clock"
	// HaltDirectory: there is no directory, and campaigns have recipients, who would
	// all pass for erased (I15). An import, or a start with the file, lifts it.
	HaltDirectory HaltReason = "directory_lost"
)

// HaltReasons are all of them.
var HaltReasons = []HaltReason{HaltStopFile, HaltDisk, HaltPack, HaltRestored, HaltClock, HaltDirectory}

// halts are the reasons that hold at this moment. The path asks at every slot,
// so that the answer is one atomic read.
type halts struct {
	any     atomic.Bool
	mu      sync.Mutex
	reasons map[HaltReason]bool
}

// set notes that a reason holds or is gone, and tells whether that is news.
func (h *halts) set(reason HaltReason, holds bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reasons[reason] == holds {
		return false
	}
	if h.reasons == nil {
		h.reasons = map[HaltReason]bool{}
	}
	if h.reasons[reason] = holds; !holds {
		delete(h.reasons, reason)
	}
	h.any.Store(len(h.reasons) > 0)
	return true
}

// Halt halts all dialling for the reason, or lifts that halt. Other reasons
// stay as they are.
func (d *Dialer) Halt(reason HaltReason, holds bool) {
	if !d.halts.set(reason, holds) {
		return
	}
	event := EventHalted
	if !holds {
		event = EventHaltLifted
	}
	d.log.Warn().Str(FieldEvent, event).Str(FieldReason, string(reason)).Send()
	d.wake()
}

// Halted returns the reasons for which nothing is dialled, in the order of
// their names; none where the dialer may dial.
func (d *Dialer) Halted() []HaltReason {
	d.halts.mu.Lock()
	defer d.halts.mu.Unlock()
	return slices.Sorted(maps.Keys(d.halts.reasons))
}
