package store_test

import (
	"bytes"
	"crypto/hpke"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hustings/hustings/store"
)

// Ensure that keys are made once, can be read by nobody else, and are the same
// ever after.
func TestLoadOrCreateKeys(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	made, err := store.LoadOrCreateKeys(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, storeExists := range []bool{false, true} {
		loaded, err := store.LoadOrCreateKeys(dir, storeExists)
		if err != nil {
			t.Fatal(err)
		}
		number := fictional(t, 1)
		if made.Identity.ID(number) != loaded.Identity.ID(number) || made.Seal != loaded.Seal ||
			made.Callback != loaded.Callback || made.ReportSeed != loaded.ReportSeed ||
			!bytes.Equal(made.HPKE.PublicKey().Bytes(), loaded.HPKE.PublicKey().Bytes()) {
			t.Error("other keys were loaded than were made")
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 5 {
		t.Errorf("got %d files, %v; want 5", len(files), err)
	}
	for _, file := range files {
		if info, err := file.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: mode %s, %v", file.Name(), info.Mode(), err)
		}
	}
}

// Ensure that of several processes which start first at the same time, all use
// the keys that stay, or none.
func TestLoadOrCreateKeys_Together(t *testing.T) {
	t.Parallel()
	for range 10 {
		dir := t.TempDir()
		var all sync.WaitGroup
		made := make([]*store.Keys, 4)
		for i := range made {
			all.Go(func() {
				// Whoever is late fails, and is started again by its supervisor.
				if keys, err := store.LoadOrCreateKeys(dir, false); err == nil {
					made[i] = keys
				}
			})
		}
		all.Wait()
		keys, err := store.LoadOrCreateKeys(dir, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range made {
			if other != nil && (other.Seal != keys.Seal || other.Callback != keys.Callback) {
				t.Error("keys were used that are not those on disk")
			}
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != 5 {
			t.Errorf("got %d files, %v; want 5", len(files), err)
		}
	}
}

// Ensure that what others seal to the public key can be opened.
func TestKeys_HPKE(t *testing.T) {
	t.Parallel()
	keys := mustMakeKeys(t)
	kdf, aead, info := hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), []byte("import")
	public, err := keys.HPKE.KEM().NewPublicKey(keys.HPKE.PublicKey().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := hpke.Seal(public, kdf, aead, info, []byte("payload"))
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := hpke.Open(keys.HPKE, kdf, aead, info, sealed); err != nil || string(opened) != "payload" {
		t.Errorf("got %q, %v", opened, err)
	}
}

func mustMakeKeys(t *testing.T) *store.Keys {
	t.Helper()
	keys, err := store.LoadOrCreateKeys(t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// Ensure that doubtful key files are refused, with what to do about it, and
// never with the key.
func TestLoadOrCreateKeys_Refused(t *testing.T) {
	t.Parallel()
	line := func(label, digits string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(label+digits+"\n"), 0o600) }
	}
	mode := func(m os.FileMode) func(string) error {
		return func(path string) error { return os.Chmod(path, m) }
	}
	const label = "hustings seal key 1: "
	digits := strings.Repeat("5a", 32)
	tests := []struct {
		name   string
		change func(path string) error
		want   string
	}{
		{"missing", os.Remove, "seal.key is missing: restore it from backup; a new one would make every row unreadable"},
		{"world", mode(0o604), "run chmod 600"},
		{"group", mode(0o640), "(mode 0640): run chmod 600"},
		{"group may write", mode(0o620), "run chmod 600"},
		{"other key", line("hustings identity key 1: ", digits), "is not a key file"},
		{"short", line(label, digits[2:]), "is not a key file"},
		{"long", line(label, digits+"5a"), "is not a key file"},
		{"not hexadecimal", line(label, "xy"+digits[2:]), "something else than hexadecimal digits"},
		{"zeros", line(label, strings.Repeat("00", 32)), "holds only zeros"},
		{"empty", line("", ""), "is not a key file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if _, err := store.LoadOrCreateKeys(dir, false); err != nil {
				t.Fatal(err)
			}
			if err := test.change(filepath.Join(dir, "seal.key")); err != nil {
				t.Fatal(err)
			}
			_, err := store.LoadOrCreateKeys(dir, true)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if strings.Contains(err.Error(), "5a5a") {
				t.Error("the error shows the key")
			}
		})
	}
}

// Ensure that a service manager's credentials, which the group seems to read,
// are taken where it put them and nowhere else.
func TestLoadOrCreateKeys_Credentials(t *testing.T) {
	dir := t.TempDir()
	if _, err := store.LoadOrCreateKeys(dir, false); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "seal.key"), 0o440); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	if _, err := store.LoadOrCreateKeys(dir, true); err != nil {
		t.Error(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", t.TempDir())
	if _, err := store.LoadOrCreateKeys(dir, true); err == nil {
		t.Error("taken from elsewhere")
	}
}

// Ensure that no verb and no encoder shows a secret.
func TestKeys_Format(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys, err := store.LoadOrCreateKeys(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	for _, value := range []any{*keys, keys, keys.Seal, &keys.Seal, keys.Callback, keys.ReportSeed, keys.Identity, struct{ K store.Secret }{keys.Callback}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&shown, verb+"\n", value)
		}
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		shown.Write(text)
	}
	for _, secret := range [][]byte{keys.Callback.Bytes(), keys.ReportSeed.Bytes()} {
		digits := hex.EncodeToString(secret)
		for _, form := range []string{string(secret), digits, strings.ToUpper(digits), strings.Trim(fmt.Sprintf("%d", secret), "[]")} {
			if strings.Contains(shown.String(), form) {
				t.Errorf("a secret is shown as %.8s...", form)
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, digits, _ := strings.Cut(string(line), ": "); strings.Contains(shown.String(), strings.TrimSpace(digits)) {
			t.Errorf("%s is shown", filepath.Base(file))
		}
	}
}

// Ensure that any one file of a store forbids making keys.
func TestPaths_Exist(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "ledger.db", "directory.db", "objections.journal", "keys"} {
		dir := t.TempDir()
		if name != "" {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want := name != "" && name != "keys"
		if got, err := store.PathsIn(dir).Exist(); got != want || err != nil {
			t.Errorf("%q: got %t, %v; want %t", name, got, err, want)
		}
	}
}
