package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	bearerbox = "/usr/sbin/bearerbox" //nolint:gosec // it only sounds like a secret
	smsbox    = "/usr/sbin/smsbox"
	// kannelWindow is ten times Kannel's default, which would be its limit.
	kannelWindow   = 100
	kannelPatience = 10 * time.Minute
)

// kannelRun is what Kannel's two boxes have cost.
type kannelRun struct{ micros, perSecond float64 }

// kannel is Kannel with a store in a file and delivery reports kept in memory,
// between an injector, an SMPP stub and whoever hears the reports.
type kannel struct {
	dir                       string
	admin, boxes, sendsms     int
	carrier                   *smsc
	reports                   net.Listener
	heard                     atomic.Int64
	bearerProcess, smsProcess *process
}

const kannelConfig = `group = core
admin-port = %[2]d
admin-interface = 127.0.0.1
admin-password = none
smsbox-port = %[3]d
box-allow-ip = 127.0.0.1
log-file = %[1]s/bearerbox.messages
log-level = 3
dlr-storage = internal
store-type = file
store-location = %[1]s/kannel.store

group = smsc
smsc = smpp
smsc-id = stub
host = 127.0.0.1
port = %[5]d
transceiver-mode = true
smsc-username = load
smsc-password = load
system-type = load
msg-id-type = 0x00
max-pending-submits = %[6]d
log-level = 3

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = %[4]d
sendsms-interface = 127.0.0.1
log-file = %[1]s/smsbox.messages
log-level = 3
max-pending-requests = 1000

group = sendsms-user
username = load
password = load
`

// runKannel sends as many messages through Kannel as a run of ours sends.
func (b *bench) runKannel(ctx context.Context) (kannelRun, error) {
	dir, remove, err := b.folder("kannel")
	if err != nil {
		return kannelRun{}, err
	}
	defer remove()
	k := &kannel{dir: dir}
	if err := k.open(b.ctx, ctx); err != nil {
		return kannelRun{}, errors.Join(fmt.Errorf("start Kannel: %w", err), k.close())
	}
	r, err := k.measure(ctx, b.Sends, b.InFlight)
	if err := errors.Join(err, k.close()); err != nil {
		return r, fmt.Errorf("run Kannel: %w", err)
	}
	b.say("Kannel: %s a second, %.0f us of CPU each", figure(r.perSecond), r.micros)
	return r, nil
}

// open starts stub and boxes, which live until they are closed or life ends.
func (k *kannel) open(life, ctx context.Context) error {
	var err error
	if k.carrier, err = newSMSC(); err != nil {
		return err
	}
	if k.reports, err = net.Listen("tcp", "127.0.0.1:0"); err != nil { //nolint:noctx // it does not wait
		return fmt.Errorf("listen for reports: %w", err)
	}
	go k.hear()
	for _, port := range []*int{&k.admin, &k.boxes, &k.sendsms} {
		if *port, err = freePort(); err != nil {
			return err
		}
	}
	path := filepath.Join(k.dir, "kannel.conf")
	text := fmt.Sprintf(kannelConfig, k.dir, k.admin, k.boxes, k.sendsms, k.carrier.port(), kannelWindow)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("configure Kannel: %w", err)
	}
	if k.bearerProcess, err = k.box(life, ctx, bearerbox, path, k.boxes); err != nil {
		return err
	}
	k.smsProcess, err = k.box(life, ctx, smsbox, path, k.sendsms)
	return err
}

// box starts one of the boxes and waits until it listens.
func (k *kannel) box(life, ctx context.Context, program, config string, port int) (*process, error) {
	p, err := start(life, k.dir, exec.CommandContext(life, program, "-v", "4", config)) //nolint:gosec // one of the two boxes
	if err != nil {
		return nil, err
	}
	err = p.await(ctx, func() bool {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	})
	return p, err
}

func (k *kannel) close() error {
	for _, p := range []*process{k.smsProcess, k.bearerProcess} {
		if p != nil {
			p.end(syscall.SIGTERM)
		}
	}
	if k.carrier != nil {
		k.carrier.close()
	}
	if k.reports != nil {
		return k.reports.Close()
	}
	return nil
}

// hear answers and counts Kannel's reports.
func (k *kannel) hear() {
	for {
		connection, err := k.reports.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = connection.Close() }()
			reader := bufio.NewReader(connection)
			for {
				if _, _, _, err := readRequest(reader); err != nil {
					return
				}
				k.heard.Add(1)
				if _, err := io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n"); err != nil {
					return
				}
			}
		}()
	}
}

// measure injects the messages and waits for all reports.
func (k *kannel) measure(ctx context.Context, messages, lines int) (kannelRun, error) {
	before, err := cpuTime(k.bearerProcess, k.smsProcess)
	if err != nil {
		return kannelRun{}, err
	}
	began := time.Now()
	if err := k.inject(ctx, messages, lines); err != nil {
		return kannelRun{}, err
	}
	if err := k.bearerProcess.await(ctx, func() bool { return k.heard.Load() >= int64(messages) }); err != nil {
		return kannelRun{}, fmt.Errorf("%d of %d messages were submitted, %d reports came: %w", k.carrier.submitted.Load(), messages, k.heard.Load(), err)
	}
	wall := time.Since(began)
	after, err := cpuTime(k.bearerProcess, k.smsProcess)
	if err != nil {
		return kannelRun{}, err
	}
	count := float64(messages)
	return kannelRun{micros: float64((after - before).Nanoseconds()) / 1e3 / count, perSecond: count / wall.Seconds()}, nil
}

var errNotAccepted = errors.New("Kannel did not accept a message") //nolint:staticcheck // its name

// inject asks Kannel over HTTP, over some lines at once, to send each message.
func (k *kannel) inject(ctx context.Context, messages, lines int) error {
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range lines {
		group.Go(func() error { return k.injectLine(ctx, &next, int64(messages)) })
	}
	return group.Wait()
}

func (k *kannel) injectLine(ctx context.Context, next *atomic.Int64, messages int64) error {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", k.sendsms))
	if err != nil {
		return fmt.Errorf("reach Kannel: %w", err)
	}
	defer func() { _ = connection.Close() }()
	defer context.AfterFunc(ctx, func() { _ = connection.Close() })()
	query := url.Values{
		"username": {"load"}, "password": {"load"}, "from": {"33600000000"}, "text": {bareBody}, "charset": {"UTF-8"}, "dlr-mask": {"1"},
		"dlr-url": {fmt.Sprintf("http://%s/report?status=%%d", k.reports.Addr())},
	}.Encode()
	reader := bufio.NewReader(connection)
	for i := next.Add(1); i <= messages; i = next.Add(1) {
		if _, err := fmt.Fprintf(connection, "GET /cgi-bin/sendsms?%s&to=336%08d HTTP/1.1\r\nHost: kannel\r\n\r\n", query, 10_000_000+i*7%90_000_000); err != nil {
			return fmt.Errorf("ask Kannel: %w", err)
		}
		line, err := reader.ReadString('\n')
		if err != nil {
			return fmt.Errorf("read Kannel's answer: %w", err)
		}
		length, err := readHeader(reader)
		if err == nil {
			_, err = reader.Discard(length)
		}
		if err != nil {
			return fmt.Errorf("read Kannel's answer: %w", err)
		}
		if !strings.Contains(line, " 202 ") {
			return fmt.Errorf("%w: %s", errNotAccepted, strings.TrimSpace(line))
		}
	}
	return nil
}
