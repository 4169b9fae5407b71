package daemon

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/audit"
	"github.com/hustings/hustings/queue"
)

// checkpointsOf opens all checkpoints that a house has kept.
func (h *house) checkpointsOf() []audit.Checkpoint {
	h.t.Helper()
	key, err := os.ReadFile(h.file("checkpoints/audit.pub"))
	if err != nil {
		h.t.Fatal(err)
	}
	files, err := filepath.Glob(h.file("checkpoints/checkpoints-*.notes"))
	if err != nil {
		h.t.Fatal(err)
	}
	var all []audit.Checkpoint
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, note := range audit.Split(content) {
			checkpoint, err := audit.Open(note, string(key))
			if err != nil {
				h.t.Fatalf("%s: %v", path, err)
			}
			all = append(all, checkpoint)
		}
	}
	return all
}

// Ensure that each life signs the audit log as it ends, that one which was cut short
// in the middle of a checkpoint leaves nothing that spoils the next, and that a file
// which somebody has changed is not written on.
func TestDaemon_Checkpoints(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	h.importPeople(invent(5), "FR-75", "party-a")
	h.stop()
	first := h.checkpointsOf()
	if len(first) == 0 {
		t.Fatal("the log was not signed")
	}
	files, _ := filepath.Glob(h.file("checkpoints/checkpoints-*.notes"))
	path := files[len(files)-1]
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	torn := append(whole, whole[:len(whole)/2]...)
	if err := os.WriteFile(path, torn, 0o600); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.importPeople(invent(6)[5:], "FR-75", "party-a")
	h.stop()
	second := h.checkpointsOf()
	if len(second) <= len(first) || second[len(second)-1].Size <= first[len(first)-1].Size {
		t.Errorf("%d checkpoints, and %d after another life", len(first), len(second))
	}
	if strings.Contains(h.log.tail(), eventAuditWentBack) {
		t.Error("a log that goes on is taken for an older copy")
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(torn[:len(whole)]), "hustings audit log", "hustings audit lag")), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon, err := New(h.config, io.Discard)
	if err == nil {
		_ = daemon.Close()
		t.Error("a checkpoint that was changed is taken")
	}
}

// Ensure that what is entered before the first year has begun is in that year's tree,
// whoever has looked at the log meanwhile.
func TestCheckpoints_BeforeFirstYear(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	daemon, err := New(h.config, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = daemon.Close() }()
	c := daemon.checkpoints
	for _, step := range []func() error{
		func() error { return daemon.dialer.AdmitRollback(t.Context(), dialer.AuditLost{}) },
		func() error { return c.follow(t.Context()) },
		func() error { return c.sign(time.Now()) },
		func() error { return daemon.dialer.BeginAuditYear(t.Context(), 2027) },
		func() error { return c.follow(t.Context()) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	if c.tree.Size() != 2 || c.year.Year != 2027 || c.kept.Size != 0 {
		t.Errorf("%d entries of %d, signed up to %d: want both entries in 2027, and nothing signed before", c.tree.Size(), c.year.Year, c.kept.Size)
	}
}

// Ensure that the log of a year is signed up to its end, and that its last checkpoint
// is handed out in the years behind it.
func TestDaemon_Checkpoints_NewYear(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	h.importPeople(invent(5), "FR-75", "party-a")
	before := h.status().Now.Year()
	h.advance(time.Date(before+1, time.January, 1, 12, 0, 0, 0, time.UTC).Sub(h.status().Now))
	var years []audit.Year
	var page queue.AuditPage
	eventually(t, "the next year's log begins", func() bool {
		page = queue.AuditPage{}
		if err := h.client.Call(t.Context(), queue.VerbAuditRead, queue.AuditRequest{}, &page); err != nil {
			t.Fatal(err)
		}
		years = page.Years
		return len(years) == 2
	})
	var signed queue.AuditCheckpoint
	if err := h.client.Call(t.Context(), queue.VerbAuditCheckpoint, nil, &signed); err != nil {
		t.Fatal(err)
	}
	if len(signed.Earlier) != 1 {
		t.Fatalf("%d checkpoints of earlier years are handed out, want 1", len(signed.Earlier))
	}
	var opened []audit.Checkpoint
	for _, note := range append(signed.Earlier, signed.Checkpoint) {
		checkpoint, err := audit.Open([]byte(note), signed.Key)
		if err != nil {
			t.Fatal(err)
		}
		opened = append(opened, checkpoint)
	}
	v := audit.NewVerifier(years, opened)
	for _, entry := range page.Entries {
		v.Add(entry)
	}
	verdict := v.End()
	if len(verdict.Findings) != 0 || len(verdict.Years) != 2 || verdict.Years[0].Year != before || verdict.Years[0].Covered < verdict.Years[0].Entries-1 { // an entry may come as the year is signed
		t.Errorf("the verdict is %+v", verdict)
	}
	h.stop()
}
