package daemon

import (
	"io"
	"strings"
	"testing"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// importCollected imports a list whose contacts were collected then.
func (o *operator) importCollected(numbers []string, at string) {
	o.t.Helper()
	_, err := o.client.Upload(o.t.Context(), queue.Upload{
		Open:  queue.IntakeOpen{Kind: queue.IntakeContacts, Source: "list of " + at, Files: []string{"list.csv"}, CollectedAt: at},
		Files: []io.Reader{listOf(numbers)},
	})
	if err != nil {
		o.t.Fatalf("import: %v\n%s", err, o.tell())
	}
}

func (o *operator) retention(confirm bool) map[string]uint64 {
	o.t.Helper()
	var done queue.RetentionDone
	request := queue.RetentionRequest{Confirm: confirm, Operator: "op-anne", Reason: "yearly"}
	if err := o.client.Task(o.t.Context(), queue.VerbRetentionRun, request, nil, &done); err != nil {
		o.t.Fatalf("retention: %v\n%s", err, o.tell())
	}
	if done.Deleted != confirm {
		o.t.Errorf("deleted: %v", done.Deleted)
	}
	due := map[string]uint64{}
	for _, item := range done.Items {
		due[item.What] = item.Due
	}
	return due
}

// Ensure that contacts leave the directory three years after they were collected
// or last gave a consent, with what was corrected of them, that nobody leaves it
// before a run is confirmed, and that a newer list brings them back.
func TestDaemon_RetireContacts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	numbers := invent(6)
	h.importCollected(numbers[:4], "2024-03-01") // three years and a week ago
	h.importCollected(numbers[4:], "2024-03-15")
	h.importEvidence(numbers[:1]) // of September 2026
	var answer queue.RectifyAnswer
	h.mustAsk(queue.VerbContactRectify, numbers[1], map[string]string{"commune": "Paris"}, &answer)
	const contacts = "contacts in the directory"
	if due := h.retention(false); due[contacts] != 3 || due["corrections"] != 1 || h.status().Contacts != 6 {
		t.Errorf("due: %v, of %d contacts", due, h.status().Contacts)
	}
	if due := h.retention(true); due[contacts] != 3 || due["corrections"] != 1 || h.status().Contacts != 3 {
		t.Errorf("deleted: %v, left are %d contacts", due, h.status().Contacts)
	}
	for i, number := range numbers {
		var file dialer.ContactFile
		h.mustAsk(queue.VerbContactFile, number, nil, &file)
		if known := file.Directory != nil; known != (i == 0 || i >= 4) {
			t.Errorf("contact %d is in the directory: %v", i, known)
		}
		if i == 4 && (!strings.HasPrefix(file.Directory.Source, "list of ") || file.Directory.Collected.Format("2006-01-02 15:04") != "2024-03-14 23:00") {
			t.Errorf("contact %d comes from %+v", i, file.Directory)
		}
	}
	h.importCollected(numbers[:4], "2027-01-01")
	if h.status().Contacts != 6 {
		t.Errorf("%d contacts after a newer list", h.status().Contacts)
	}
	for _, at := range []string{"2027-12-01", "tomorrow"} {
		_, err := h.client.Upload(t.Context(), queue.Upload{
			Open:  queue.IntakeOpen{Kind: queue.IntakeContacts, Source: "test", Files: []string{"list.csv"}, CollectedAt: at},
			Files: []io.Reader{listOf(numbers)},
		})
		if queue.CodeOf(err) != queue.CodeInvalid || queue.HintOf(err) == "" {
			t.Errorf("collected %s: %v", at, err)
		}
	}
	if err := h.client.Call(t.Context(), queue.VerbRetentionRun, queue.RetentionRequest{Confirm: true}, nil); queue.CodeOf(err) != queue.CodeRefused {
		t.Errorf("nobody's run: %v", err)
	}
	h.stop()
	mustBeSound(t, h.config.DataDirectory)
}

// Ensure that no import and no rebuild of the directory undo each other: while
// one is at work the other waits.
func TestIntakeDesk_RebuildsAlone(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	h.mustImport(t, queue.IntakeContacts, list("number,territory", "0639980001,75", "0639980002,75"))
	gone := h.idOf(t, "0639980001")
	h.gone = map[contact.ID]bool{gone: true}
	s := h.mustOpen(t, queue.IntakeContacts, "list.csv")
	if _, err := h.desk.rebuild(t.Context(), func(id contact.ID) bool { return id == gone }); err == nil || !strings.Contains(err.Error(), "imported") {
		t.Errorf("rebuilt while contacts are imported: %v", err)
	}
	s.mustSend(t, 0, []byte("number,territory\n0639980003,75\n0639980001,75\n"), 100)
	if progress := s.mustEnd(t); progress.Counts[countErased] != 1 || h.contacts() != 2 {
		t.Errorf("%+v, %d contacts", progress, h.contacts())
	}
	h.desk.mu.Lock()
	h.desk.rebuilding = true
	h.desk.mu.Unlock()
	if _, err := h.open(t, queue.IntakeContacts, "list.csv"); queue.CodeOf(err) != queue.CodeBusy {
		t.Errorf("an import during a rebuild: %v", err)
	}
	h.desk.mu.Lock()
	h.desk.rebuilding = false
	h.desk.mu.Unlock()
	gone = h.idOf(t, "0639980002")
	if n, err := h.desk.rebuild(t.Context(), func(id contact.ID) bool { return id == gone }); err != nil || n != 1 || h.contacts() != 1 {
		t.Errorf("rebuilt without %d, %v; %d contacts", n, err, h.contacts())
	}
}
