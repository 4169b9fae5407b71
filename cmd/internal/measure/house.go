package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/hustings/hustings/queue"
)

// house is a daemon with its data directory, in a process of its own.
type house struct {
	b       *bench
	dir     string
	orders  string // where registry, columns and campaigns stand
	process *process
	client  *queue.Client
}

func (b *bench) newHouse(dir, orders string) (*house, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a house: %w", err)
	}
	return &house{b: b, dir: dir, orders: orders}, nil
}

func (h *house) data() string { return filepath.Join(h.dir, "data") }

// raze removes all that the daemon has written.
func (h *house) raze() error {
	if err := os.RemoveAll(h.data()); err != nil {
		return fmt.Errorf("remove a data directory: %w", err)
	}
	return nil
}

// clear removes all but keys and directory: nobody was ever written to.
func (h *house) clear() error {
	for _, name := range []string{"ledger.db", "ledger.mark", "objections.journal", "nats", "reports", "intake", "callbacks.port"} {
		if err := os.RemoveAll(filepath.Join(h.data(), name)); err != nil {
			return fmt.Errorf("clear a data directory: %w", err)
		}
	}
	return nil
}

// open starts the daemon and waits until it answers.
func (h *house) open(ctx context.Context, carrier string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	config := fmt.Sprintf(`data_directory: data
log: {level: warn, format: json}
registry: %q
directory: %q
carrier:
  kind: sandbox
  sandbox: {api_base_url: %q, account_sid: %s, auth_token_file: token}
nats: {embedded: {listen: "127.0.0.1:%d"}}
http: {callbacks: {listen: "127.0.0.1:0"}, ops: {listen: "127.0.0.1:0"}}
pacing: {in_flight: %d}
`, filepath.Join(h.orders, "registry.yaml"), filepath.Join(h.orders, "directory.yaml"), carrier, stubAccount, port, h.b.InFlight)
	for name, content := range map[string]string{"dialerd.yaml": config, "token": stubToken} {
		if err := os.WriteFile(filepath.Join(h.dir, name), []byte(content), 0o600); err != nil {
			return fmt.Errorf("configure the daemon: %w", err)
		}
	}
	command := exec.CommandContext(h.b.ctx, h.b.program("dialerd"), "--config", filepath.Join(h.dir, "dialerd.yaml")) //nolint:gosec // our own program
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	if h.process, err = start(h.b.ctx, h.dir, command); err != nil {
		return err
	}
	ready := func() bool {
		if h.client == nil {
			h.client, _ = queue.Dial(queue.ClientOptions{URL: fmt.Sprintf("nats://127.0.0.1:%d", port), DataDirectory: h.data()}) // asked again
		}
		var status queue.Status
		return h.client != nil && h.client.Call(ctx, queue.VerbStatus, nil, &status) == nil && status.Ready
	}
	if err := h.process.await(ctx, ready); err != nil {
		h.shut()
		return err
	}
	return nil
}

// shut stops the daemon as an operator would.
func (h *house) shut() {
	if h.client != nil {
		h.client.Close()
		h.client = nil
	}
	if h.process != nil {
		h.process.end(syscall.SIGTERM)
	}
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		return 0, fmt.Errorf("look for a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// upload has the daemon take lists in.
func (h *house) upload(ctx context.Context, kind queue.IntakeKind, paths ...string) (queue.IntakeProgress, error) {
	upload := queue.Upload{Open: queue.IntakeOpen{Kind: kind, Source: "synthetic", Operator: "op-anne"}}
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			return queue.IntakeProgress{}, fmt.Errorf("open a list: %w", err)
		}
		defer func() { _ = file.Close() }()
		upload.Open.Files, upload.Files = append(upload.Open.Files, filepath.Base(path)), append(upload.Files, io.Reader(file))
	}
	done, err := h.client.Upload(ctx, upload)
	if err != nil {
		return done, h.process.failed(fmt.Errorf("import %s: %w", kind, err))
	}
	return done, nil
}

// check has the store checked, with the daemon stopped.
func (h *house) check(ctx context.Context) error {
	_, err := run(ctx, h.dir, nil, h.b.program("dialctl"), "store", "check", "--data-directory", h.data())
	return err
}
