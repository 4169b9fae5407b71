package queue_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hustings/hustings/queue"
)

// Ensure an address that is taken is told as such, with what to do about it.
func TestStartServer_PortInUse(t *testing.T) {
	t.Parallel()
	first := mustServer(t, t.TempDir(), new(syncLog))
	_, err := queue.StartServer(queue.ServerOptions{
		StoreDirectory: t.TempDir(), Listen: strings.TrimPrefix(first.ClientURL(), "nats://"), Token: testToken,
	})
	if err == nil || !strings.Contains(err.Error(), "in use") || queue.HintOf(err) == "" {
		t.Fatalf("got %v, hint %q; want that the address is in use", err, queue.HintOf(err))
	}
}

// Ensure no option leaves the queue open to strangers by accident.
func TestStartServer_RefusesUnsafeOptions(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]queue.ServerOptions{
		"no token":     {StoreDirectory: t.TempDir(), Listen: "127.0.0.1:0"},
		"no directory": {Listen: "127.0.0.1:0", Token: testToken},
		"remote":       {StoreDirectory: t.TempDir(), Listen: "0.0.0.0:0", Token: testToken},
		"every host":   {StoreDirectory: t.TempDir(), Listen: ":0", Token: testToken},
		"no port":      {StoreDirectory: t.TempDir(), Listen: "127.0.0.1", Token: testToken},
		"odd port":     {StoreDirectory: t.TempDir(), Listen: "127.0.0.1:nats", Token: testToken},
	} {
		if _, err := queue.StartServer(options); err == nil {
			t.Errorf("%s: the server started", name)
		}
	}
}

// Ensure a store directory that cannot be written stops the start.
func TestStartServer_StoreUnusable(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := queue.StartServer(queue.ServerOptions{StoreDirectory: file, Listen: "127.0.0.1:0", Token: testToken})
	if err == nil {
		t.Fatal("the server started over a file")
	}
}

// Ensure the server asks everybody for the secret.
func TestConnect_WrongToken(t *testing.T) {
	t.Parallel()
	server := mustServer(t, t.TempDir(), new(syncLog))
	for _, token := range []string{"", "wrong"} {
		_, err := queue.Connect(queue.ConnectOptions{URL: server.ClientURL(), Token: token})
		if queue.CodeOf(err) != queue.CodeRefused || queue.HintOf(err) == "" {
			t.Errorf("token %q: got %v, want a refusal with a hint", token, err)
		}
	}
	mustConnect(t, queue.ConnectOptions{URL: server.ClientURL(), Token: testToken})
}

// Ensure a server that is not there is told in words a person can act on, and
// no secret of the address is repeated.
func TestConnect_NoServer(t *testing.T) {
	t.Parallel()
	_, err := queue.Connect(queue.ConnectOptions{URL: "nats://hush@127.0.0.1:1"})
	if queue.CodeOf(err) != queue.CodeUnreachable || !strings.Contains(queue.HintOf(err), "dialerd") {
		t.Fatalf("got %v, hint %q", err, queue.HintOf(err))
	}
	if strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "nats://127.0.0.1:1") {
		t.Fatalf("the error shows the wrong address: %v", err)
	}
}

// Ensure the patient connection comes into being once the server is there.
func TestConnect_Patient(t *testing.T) {
	t.Parallel()
	first := mustServer(t, t.TempDir(), new(syncLog))
	address := first.ClientURL()
	if err := first.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn := mustConnect(t, queue.ConnectOptions{URL: address, Token: testToken, Patient: true})
	if conn.Connected() {
		t.Fatal("connected to nothing")
	}
	second, err := queue.StartServer(queue.ServerOptions{
		StoreDirectory: t.TempDir(), Listen: strings.TrimPrefix(address, "nats://"), Token: testToken,
	})
	if err != nil {
		t.Skipf("the port was taken meanwhile: %v", err)
	}
	t.Cleanup(func() { _ = second.Shutdown(t.Context()) })
	eventually(t, "connect", conn.Connected)
}

// Ensure streams are made once, brought up to date, and left alone where they
// belong to somebody else.
func TestEnsureStreams(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, js := stranger(t, b.server)
	events, err := js.Stream(t.Context(), "EVENT")
	if err != nil {
		t.Fatal(err)
	}
	changed := events.CachedInfo().Config
	changed.MaxMsgsPerSubject, changed.MaxBytes = 7, 1<<20
	if _, err := js.UpdateStream(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.daemon.EnsureStreams(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if events, err = js.Stream(t.Context(), "EVENT"); err != nil {
		t.Fatal(err)
	}
	if got := events.CachedInfo().Config; got.MaxMsgsPerSubject != 256 || got.MaxBytes != 1<<20 {
		t.Errorf("got %d messages a subject and %d bytes, want 256 and what the cluster set", got.MaxMsgsPerSubject, got.MaxBytes)
	}
	count := func(event string) int { return strings.Count(b.log.String(), event) }
	if made, changed := count("queue.stream_made"), count("queue.stream_changed"); made != 5 || changed != 1 {
		t.Errorf("%d streams were made and %d changed, want 5 and 1", made, changed)
	}

	for what, theirs := range map[string]jetstream.StreamConfig{
		"in memory":       {Subjects: []string{"theirs"}, Storage: jetstream.MemoryStorage},
		"not yet on disk": {Subjects: []string{"theirs"}, PersistMode: jetstream.AsyncPersistMode},
	} {
		if err := js.DeleteStream(t.Context(), "REPORT"); err != nil {
			t.Fatal(err)
		}
		theirs.Name = "REPORT"
		if _, err := js.CreateStream(t.Context(), theirs); err != nil {
			t.Fatal(err)
		}
		err = b.daemon.EnsureStreams(t.Context())
		if queue.CodeOf(err) != queue.CodeConflict || !strings.Contains(err.Error(), "REPORT") || queue.HintOf(err) == "" {
			t.Errorf("%s: got %v, want a conflict over REPORT with a hint", what, err)
		}
	}
}

// Ensure the secret is made once, for its owner only.
func TestEnsureToken(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	if _, err := queue.ReadToken(directory); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v, want that there is none", err)
	}
	made, err := queue.EnsureToken(directory)
	if err != nil {
		t.Fatal(err)
	}
	again, err := queue.EnsureToken(directory)
	if err != nil || made != again || len(made) < 40 {
		t.Fatalf("got a token of %d characters, then another one (%t), %v", len(made), made != again, err)
	}
	info, err := os.Stat(queue.TokenPath(directory))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("got mode %v, %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(directory); err != nil || len(entries) != 1 {
		t.Fatalf("got %v, %v; want the token only", entries, err)
	}
}

// Ensure a secret that others could read, or that is none, is not used.
func TestReadToken_Refused(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"readable": {"0123456789012345678901234567890", 0o644},
		"short":    {"secret\n", 0o600},
		"empty":    {"", 0o600},
	} {
		directory := t.TempDir()
		if err := os.WriteFile(queue.TokenPath(directory), []byte(file.text), file.mode); err != nil {
			t.Fatal(err)
		}
		_, err := queue.EnsureToken(directory)
		if queue.CodeOf(err) != queue.CodeRefused || queue.HintOf(err) == "" {
			t.Errorf("%s: got %v, want a refusal with a hint", name, err)
		}
	}
}

// Ensure dialctl finds the secret in the data directory.
func TestDial_DataDirectory(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	token, err := queue.EnsureToken(directory)
	if err != nil {
		t.Fatal(err)
	}
	server, err := queue.StartServer(queue.ServerOptions{StoreDirectory: directory, Listen: "127.0.0.1:0", Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Shutdown(t.Context()) })
	client, err := queue.Dial(queue.ClientOptions{URL: server.ClientURL(), DataDirectory: directory})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := queue.Dial(queue.ClientOptions{URL: server.ClientURL(), DataDirectory: t.TempDir()}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that there is no secret", err)
	}
	if _, err := nats.Connect(server.ClientURL()); err == nil {
		t.Error("a stranger without the secret connected")
	}
}
