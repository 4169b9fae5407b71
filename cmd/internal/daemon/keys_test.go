package daemon

import (
	"os"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// Ensure that nobody is reached with keys of which no backup was ever opened, that the
// refusal says what to do, and that a sandbox asks for none.
func TestDaemon_KeysNotBackedUp(t *testing.T) {
	t.Parallel()
	h, _ := twilioHouse(t)
	paths := store.PathsIn(h.config.DataDirectory)
	if err := os.Remove(paths.KeysConfirmed); err != nil {
		t.Fatal(err)
	}
	if _, err := New(h.config, zerolog.New(h.log)); err == nil || !strings.Contains(err.Error(), "dialctl key confirm") {
		t.Fatalf("without a backup: %v", err)
	}
	twilio := h.config.Carrier
	h.config.Carrier = newHouse(t).config.Carrier
	h.start()
	h.stop()
	// Other keys, whose backup was opened, say nothing of these.
	elsewhere := store.PathsIn(t.TempDir())
	storetest.ConfirmKeys(t, elsewhere)
	confirmed, err := os.ReadFile(elsewhere.KeysConfirmed)
	if err == nil {
		err = os.WriteFile(paths.KeysConfirmed, confirmed, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	h.config.Carrier = twilio
	if _, err := New(h.config, zerolog.New(h.log)); err == nil || !strings.Contains(err.Error(), "dialctl key backup") {
		t.Errorf("with others' backup: %v", err)
	}
}
