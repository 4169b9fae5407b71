package configs

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func check(t *testing.T, path string) (int, string) {
	t.Helper()
	var printed strings.Builder
	faults, err := Check(path, &printed)
	if err != nil {
		t.Fatal(err)
	}
	return faults, printed.String()
}

// write puts files into a new folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

var okLine = regexp.MustCompile(`(?m)^(\S.*): ok \(sha256 [0-9a-f]{64}\)$`)

// Ensure that a check names every file that counts, with its hash.
func TestCheck_OK(t *testing.T) {
	t.Parallel()
	for path, first := range map[string]string{"": "embedded directory.yaml", "dialerd.yaml": "dialerd.yaml"} {
		faults, printed := check(t, path)
		sound := okLine.FindAllStringSubmatch(printed, -1)
		if faults != 0 || len(sound) != strings.Count(printed, "\n") || len(sound) < 10 || sound[0][1] != first {
			t.Errorf("%q: %d faults:\n%s", path, faults, printed)
		}
	}
}

// Ensure that the faults of all files are told in one go, permissions of
// secrets included.
func TestCheck_Faults(t *testing.T) {
	t.Parallel()
	folder := write(t, map[string]string{
		"dialerd.yaml": "registry: registry.yaml\ndirectory: directory.yaml\npacks: {directory: packs, name: FRR}\n" +
			"nats: {url: 'nats://127.0.0.1:4222', credentials: nats.creds}\n",
		"registry.yaml":  "parties: []\n",
		"directory.yaml": "attributes: [{name: religion, kind: choice, values: [a]}]\n",
		"packs/own.yaml": "pack: OWN\nrulez: []\n",
		"nats.creds":     "secret",
	})
	if err := os.Chmod(filepath.Join(folder, "nats.creds"), 0o604); err != nil {
		t.Fatal(err)
	}
	faults, printed := check(t, filepath.Join(folder, "dialerd.yaml"))
	for _, want := range []string{"dialerd.yaml: ok", "senders: is missing", `"religion" cannot be declared`, "rulez", "chmod 600", "nats.credentials"} {
		if !strings.Contains(printed, want) {
			t.Errorf("%q is not told:\n%s", want, printed)
		}
	}
	if faults < 7 {
		t.Errorf("got %d faults:\n%s", faults, printed)
	}
}

// Ensure that a broken dialerd.yaml is told alone: which files it means is not
// known.
func TestCheck_BrokenConfig(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"testdata/faults/config-unknown-key.yaml", "testdata/none.yaml"} {
		if faults, printed := check(t, path); faults == 0 || strings.Contains(printed, "ok") {
			t.Errorf("%s: got %d faults:\n%s", path, faults, printed)
		}
	}
}

// Ensure that a check which cannot be read is no success.
func TestCheck_WriteError(t *testing.T) {
	t.Parallel()
	if _, err := Check("", brokenWriter{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// Ensure that settings which came from no file are checked, too.
func TestConfig_Validate(t *testing.T) {
	t.Parallel()
	config := Defaults("")
	config.Pacing.InFlight, config.DataDirectory, config.Carrier.Kind = 0, "", "tin cans"
	var faults Faults
	if err := config.Validate(); !errors.As(err, &faults) || len(faults) != 3 || faults[0].Line != 0 {
		t.Errorf("got %v", err)
	}
}

// Ensure that a pack of the broker's own takes the place of the embedded one.
func TestLoadPacks_Directory(t *testing.T) {
	t.Parallel()
	embedded, err := LoadPacks("")
	if err != nil {
		t.Fatal(err)
	}
	text, err := files.ReadFile("packs/fr.yaml")
	if err != nil {
		t.Fatal(err)
	}
	folder := write(t, map[string]string{"fr.yaml": strings.Replace(string(text), "\ntitle: ", "\ntitle: Own ", 1)})
	own, err := LoadPacks(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(own) != len(embedded) || own["FR"].Version() == embedded["FR"].Version() || own["US"].Version() != embedded["US"].Version() {
		t.Errorf("FR is %s, was %s", own["FR"].Version(), embedded["FR"].Version())
	}
	if _, err := LoadPacks(filepath.Join(folder, "none")); err == nil {
		t.Error("a folder that is not there is let through")
	}
	var faults Faults
	config := Defaults("")
	config.Packs.Name = "US-MN"
	if _, err := config.LoadPacks(); !errors.As(err, &faults) || faults[0].Field != "packs.name" {
		t.Errorf("a pack that no campaign may choose: got %v", err)
	}
}
