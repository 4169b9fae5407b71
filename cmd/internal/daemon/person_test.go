package daemon

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store"
)

// declarePersons writes a directory.yaml with a reference to people.
func declarePersons(t *testing.T) string {
	t.Helper()
	text, err := configs.Examples().Open("directory.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = text.Close() }()
	var content bytes.Buffer
	if _, err := content.ReadFrom(text); err != nil {
		t.Fatal(err)
	}
	declared := strings.Replace(content.String(), "  # person: [référence personne]", "  person: [référence personne]", 1)
	if declared == content.String() {
		t.Fatal("the example does not show how to declare persons")
	}
	path := filepath.Join(t.TempDir(), "directory.yaml")
	if err := os.WriteFile(path, []byte(declared), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Ensure that with a reference declared an opt-out of one number holds for the
// person's other one, after a restart, too, and that the reference itself stands
// nowhere.
func TestDaemon_PersonOptsOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.config.DirectoryFile = declarePersons(t)
	h.start()
	h.importFiles(queue.IntakeContacts, []string{"list.csv"}, []io.Reader{strings.NewReader("number,territory,birth_year,Référence personne\n0639980001,75,1950,REF-4711\n0639980002,75,1950,REF-4711\n0639980003,75,1950,REF-4712\n0639980004,75,1950,\n")})
	if _, err := h.client.OptOut(t.Context(), queue.OptOut{Number: "0639980001", Way: "phone"}); err != nil {
		t.Fatal(err)
	}
	h.stop()
	if err := os.Remove(store.PathsIn(h.config.DataDirectory).Ledger); err != nil {
		t.Fatal(err) // the journal alone must know
	}
	h.start()
	for number, want := range map[string]int{"0639980001": 2, "0639980002": 1, "0639980003": 0, "0639980004": 0} {
		var file dialer.ContactFile
		h.mustAsk(queue.VerbContactFile, number, nil, &file)
		if len(file.Objections) != want || file.Directory.Person == (number == "0639980004") {
			t.Errorf("%d objections of the number, want %d; %+v", len(file.Objections), want, file.Directory)
		}
	}
	h.stop()
	for path, content := range contentsUnder(t, h.config.DataDirectory, "") {
		if bytes.Contains(content, []byte("REF-471")) {
			t.Errorf("%s holds the reference", path)
		}
	}
	mustBeSound(t, h.config.DataDirectory)
}

// Ensure that without a declaration a column of that name refuses the list: it
// may hold anything.
func TestIntakeContacts_PersonUndeclared(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	s := h.mustImport(t, queue.IntakeContacts, list("number,territory,person", "0639980001,75,Martin"))
	if s.progress.Phase != queue.PhaseFailed || !strings.Contains(s.progress.Error, "not declared") || h.contacts() != 0 {
		t.Errorf("%+v", s.progress)
	}
}
