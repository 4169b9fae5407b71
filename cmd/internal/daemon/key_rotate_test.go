package daemon

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/rs/zerolog"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// rotate has the daemon change its seal key.
func (o *operator) rotate() (rotated queue.KeyRotated) {
	o.t.Helper()
	request := queue.KeyRequest{Operator: "op-anne", Reason: "a copy was found"}
	if err := o.client.Task(o.t.Context(), queue.VerbKeyRotate, request, nil, &rotated); err != nil {
		o.t.Fatalf("rotate: %v\n%s", err, o.tell())
	}
	return rotated
}

// retire has the daemon let go of the former seal key.
func (o *operator) retire(confirm bool) (retired queue.KeyRetired) {
	o.t.Helper()
	request := queue.KeyRequest{Operator: "op-anne", Reason: "no old backup is left", Confirm: confirm}
	if err := o.client.Call(o.t.Context(), queue.VerbKeyRetire, request, &retired); err != nil {
		o.t.Fatalf("retire: %v\n%s", err, o.tell())
	}
	return retired
}

// mustBeForgotten fails the test where a file of the data directory has anything that
// was sealed before.
func mustBeForgotten(t *testing.T, data string, sealed [][]byte) {
	t.Helper()
	contents := contentsUnder(t, data, "")
	for path, content := range contents {
		for _, number := range sealed {
			if bytes.Contains(content, number) {
				t.Errorf("%s holds a number that is sealed with the old key", path)
				break
			}
		}
	}
	if len(contents) < 5 || len(sealed) < 100 {
		t.Errorf("%d numbers were looked for in %d files: the search shows nothing", len(sealed), len(contents))
	}
}

// Ensure that a campaign goes on while the seal key is changed: the carrier's log has
// everybody once, no file has what was sealed with the old key, the order is on
// record, and the daemon starts with the new key.
func TestDaemon_RotateKey(t *testing.T) {
	t.Parallel()
	h := slowHouse(t)
	h.start()
	numbers := invent(900)
	h.importPeople(numbers, "FR-75", "party-a")
	paths := store.PathsIn(h.config.DataDirectory)
	sealed := storetest.MustReadSealed(t, paths.Directory)
	job := h.submit(orderFor("party-a", 900))
	eventually(t, "some are dialled", func() bool { return requests(t, h.carrierLog()) > 100 })
	rotated := h.rotate()
	if begun := requests(t, h.carrierLog()); begun > 700 {
		t.Errorf("%d were dialled before the key was changed: the test shows nothing", begun)
	}
	if rotated.Sealed != 900 || rotated.Folder != paths.Keys || rotated.Fingerprint != h.daemon.directories.Keys().Fingerprint() {
		t.Errorf("%+v", rotated)
	}
	mustBeForgotten(t, h.config.DataDirectory, sealed)
	h.onRecord("rotation of the seal key ordered by op-anne: a copy was found", "seal key changed, 900 numbers sealed anew by op-anne")
	eventually(t, "half are dialled", func() bool { return requests(t, h.carrierLog()) > 450 })
	h.stop()
	h.start()
	h.close(h.advance, job.ID)
	if verdict := judge(t, h.carrierLog(), nil); verdict.Created != 900 {
		t.Errorf("%d messages were created", verdict.Created)
	}
	if got := dialled(t, h.carrierLog()); len(got) != 900 {
		t.Errorf("%d people were dialled", len(got))
	}
	// A list that brings everybody again finds nobody changed.
	done := h.importFiles(queue.IntakeContacts, []string{"list.csv"}, []io.Reader{listOf(numbers)})
	if done.Counts[countUpdated] != 900 { // by their territory, which the first list had otherwise
		t.Errorf("%v", done.Counts)
	}
	if done = h.importFiles(queue.IntakeContacts, []string{"list.csv"}, []io.Reader{listOf(numbers)}); done.Counts[countUnchanged] != 900 {
		t.Errorf("%v", done.Counts)
	}
	h.stop()
	mustBeSound(t, h.config.DataDirectory)
}

// onRecord fails the test unless the audit log has entries with the texts.
func (h *house) onRecord(texts ...string) {
	h.t.Helper()
	var log []string
	err := h.daemon.ledger.View(func(tx dialer.Tx) error {
		for _, body := range tx.Rows(dialer.BucketAuditBody, nil) {
			log = append(log, string(body))
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, text := range texts {
		if !slices.ContainsFunc(log, func(entry string) bool { return strings.Contains(entry, text) }) {
			h.t.Errorf("nothing on record says %q: %s", text, strings.Join(log[max(0, len(log)-20):], "\n"))
		}
	}
}

// Ensure that orders about the seal key want an operator and a reason, that the former
// key is not overwritten, and that no import and no rotation undo each other.
func TestDaemon_RotateKey_Refused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	h.importPeople(invent(20), "FR-75", "party-a")
	for name, test := range map[string]struct {
		request queue.KeyRequest
		code    queue.Code
	}{
		"nobody":     {queue.KeyRequest{Reason: "found"}, queue.CodeRefused},
		"a stranger": {queue.KeyRequest{Operator: "op-zoe", Reason: "found"}, queue.CodeRefused},
		"no reason":  {queue.KeyRequest{Operator: "op-anne", Reason: " "}, queue.CodeInvalid},
	} {
		for _, verb := range []queue.Verb{queue.VerbKeyRotate, queue.VerbKeyRetire} {
			if err := h.client.Call(t.Context(), verb, test.request, nil); queue.CodeOf(err) != test.code || queue.HintOf(err) == "" {
				t.Errorf("%s, %s: %v", verb, name, err)
			}
		}
	}
	order := queue.KeyRequest{Operator: "op-anne", Reason: "found", Confirm: true}
	err := h.daemon.intake.alone(func() error {
		if err := h.client.Task(t.Context(), queue.VerbKeyRotate, order, nil, nil); queue.CodeOf(err) != queue.CodeBusy {
			t.Errorf("rotated while the directory is built: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if retired := h.retire(true); retired.Former || retired.Retired {
		t.Errorf("before any rotation: %+v", retired)
	}
	before := h.daemon.directories.Keys().Fingerprint()
	h.rotate()
	after := h.daemon.directories.Keys().Fingerprint()
	err = h.client.Task(t.Context(), queue.VerbKeyRotate, order, nil, nil)
	if queue.CodeOf(err) != queue.CodeConflict || !strings.Contains(queue.HintOf(err), "dialctl key retire") {
		t.Errorf("again: %v", err)
	}
	if now := h.daemon.directories.Keys().Fingerprint(); now != after || now == before {
		t.Error("a rotation that was refused has changed the keys")
	}
	// The daemon that has made the key seals with it.
	h.importFiles(queue.IntakeContacts, []string{"list.csv"}, []io.Reader{listOf(invent(30))})
	if h.status().Contacts != 30 || h.daemon.directories.Outdated() {
		t.Errorf("%d contacts after an import", h.status().Contacts)
	}
	if retired := h.retire(false); !retired.Former || retired.Retired {
		t.Errorf("without a confirmation: %+v", retired)
	}
	if retired := h.retire(true); !retired.Retired {
		t.Errorf("confirmed: %+v", retired)
	}
	h.onRecord("former seal key to be removed for good by op-anne: no old backup is left")
	if _, err := os.Stat(filepath.Join(store.PathsIn(h.config.DataDirectory).Keys, "seal-former.key")); err == nil {
		t.Error("the former key is still there")
	}
	h.rotate()
}

// Ensure that after a rotation the daemon at a real carrier goes on, says that it will
// not start again, and does not, until a backup of the new keys was opened.
func TestDaemon_RotateKey_WantsBackup(t *testing.T) {
	t.Parallel()
	h, _ := twilioHouse(t)
	h.start()
	h.importPeopleAt(time.Now().AddDate(0, -2, 0), invent(20), openTerritory(t), "party-a")
	notice := func() bool {
		return slices.ContainsFunc(h.status().Notices, func(text string) bool { return strings.Contains(text, "dialctl key confirm") })
	}
	if notice() {
		t.Errorf("before: %v", h.status().Notices)
	}
	h.rotate()
	if !notice() || h.status().Contacts != 20 {
		t.Errorf("after: %+v", h.status())
	}
	h.stop()
	if _, err := New(h.config, zerolog.New(h.log)); err == nil || !strings.Contains(err.Error(), "has other keys than") {
		t.Errorf("started with yesterday's backup: %v", err)
	}
	confirmKeys(t, store.PathsIn(h.config.DataDirectory))
	h.start()
	if notice() {
		t.Errorf("with a backup: %v", h.status().Notices)
	}
	h.retire(true)
	if notice() {
		t.Errorf("the former key is gone, and those in use are backed up: %v", h.status().Notices)
	}
}

// confirmKeys backs the keys of a store up and has somebody open the backup.
func confirmKeys(t *testing.T, paths store.Paths) {
	t.Helper()
	keys, err := store.OpenKeys(paths)
	if err != nil {
		t.Fatal(err)
	}
	anne, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	if err := keys.Backup(&backup, anne.Recipient()); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Confirm(paths.KeysConfirmed, backup.Bytes(), time.Now(), anne); err != nil {
		t.Fatal(err)
	}
}

// Ensure that a store that is put back from before a rotation is opened with the former
// key, and that the daemon seals it anew by itself.
func TestDaemon_RotateKey_Restored(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	h.importPeople(invent(300), "FR-75", "party-a")
	folder := filepath.Join(t.TempDir(), "backup")
	if err := h.client.Task(t.Context(), queue.VerbStoreBackup, queue.BackupRequest{Folder: folder, Operator: "op-anne"}, nil, new(queue.BackupMade)); err != nil {
		t.Fatal(err)
	}
	h.rotate()
	h.stop()
	paths := store.PathsIn(h.config.DataDirectory)
	keys, err := store.OpenKeys(paths)
	if err != nil {
		t.Fatal(err)
	}
	restored, err := store.Restore(t.Context(), store.RestoreOptions{Folder: folder, Paths: paths, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	sealed := storetest.MustReadSealed(t, paths.Directory)
	h.start()
	eventually(t, "the directory is sealed anew", func() bool { return !h.daemon.directories.Outdated() })
	eventually(t, "that is in the log", func() bool { return strings.Contains(h.log.all(), eventKeyResealed) })
	if retired := h.retire(true); !retired.Retired || h.status().Contacts != 300 {
		t.Errorf("%+v, %d contacts", retired, h.status().Contacts)
	}
	h.stop()
	for _, path := range restored.Aside {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	mustBeForgotten(t, h.config.DataDirectory, sealed)
}
