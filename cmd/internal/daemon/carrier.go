package daemon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

// carrier is the way out of the house and back in: the client that places
// messages and the listener that hears what became of them.
type carrier struct {
	client    *twilio.Client
	callbacks *twilio.Callbacks
	publicURL string
	// sandbox tells that nothing leaves the machine. URL is where the sandbox
	// is, inner the embedded one, outer the clock of one in another process.
	sandbox bool
	url     string
	inner   *sandbox.Server
	outer   *outsideClock

	listener net.Listener
	token    twilio.Secret
}

// account is what the carrier knows us by.
type account struct {
	sid, url string
	token    []byte
}

// inSandbox tells whether the carrier is one that reaches nobody.
func (d *Daemon) inSandbox() bool { return d.config.Carrier.Kind == configs.CarrierSandbox }

// openCarrier opens the callbacks' listener, then the sandbox if there is one,
// which must know where that is, and then the client.
func (d *Daemon) openCarrier() error {
	d.carrier = &carrier{sandbox: d.inSandbox()}
	listener, err := listenAgain(d.config.HTTP.Callbacks.Listen, filepath.Join(d.config.DataDirectory, "callbacks.port"))
	if err != nil {
		return fmt.Errorf("listen for the carrier's callbacks: %w (set http.callbacks.listen to another address)", err)
	}
	d.carrier.publicURL = d.config.HTTP.Callbacks.PublicURL
	if d.carrier.publicURL == "" {
		d.carrier.publicURL = "http://" + listener.Addr().String()
	}
	d.carrier.listener = listener
	account, err := d.openAccount()
	if err == nil {
		err = d.connectCarrier(account)
	}
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	return nil
}

func (d *Daemon) connectCarrier(account account) error {
	settings := d.config.Carrier.Twilio
	d.carrier.token = twilio.NewSecret(account.token)
	options := twilio.Options{
		AccountSID: account.sid, AuthToken: d.carrier.token, APIBaseURL: account.url,
		PublicURL: d.carrier.publicURL, ReferenceKey: twilio.NewSecret(d.keys.Callback.Bytes()),
		MaxConnections: d.config.Pacing.InFlight, Timeout: settings.Timeout, Logger: d.log,
		Observe: d.metrics.asked,
	}
	for _, sender := range d.registry.Senders {
		if sender.Rings() {
			options.Callers = append(options.Callers, sender.ID)
		} else {
			options.Receivers = append(options.Receivers, sender.ID)
		}
	}
	if settings.MaxConnections > 0 && !d.carrier.sandbox {
		options.MaxConnections = settings.MaxConnections
	}
	client, err := twilio.New(options)
	if err != nil {
		return err
	}
	d.carrier.client = client
	d.onClose("carrier client", func() error { client.Close(); return nil })
	return nil
}

// openAccount returns the account at the carrier, starting the embedded sandbox
// where that is the carrier.
func (d *Daemon) openAccount() (account, error) {
	d.clock = dialer.WallClock{}
	if !d.carrier.sandbox {
		token, err := d.config.Carrier.Twilio.AuthToken()
		return account{d.config.Carrier.Twilio.AccountSID, d.config.Carrier.Twilio.APIBaseURL, []byte(token.Reveal())}, err
	}
	if settings := d.config.Carrier.Sandbox; settings.APIBaseURL != "" {
		token, err := settings.AuthToken()
		if err != nil {
			return account{}, err
		}
		if d.carrier.outer, err = newOutsideClock(settings.APIBaseURL); err != nil {
			return account{}, err
		}
		d.clock, d.carrier.url = d.carrier.outer, settings.APIBaseURL
		if err := tellAddresses(settings.APIBaseURL, d.carrier.publicURL); err != nil {
			return account{}, err
		}
		return account{settings.AccountSID, settings.APIBaseURL, []byte(token.Reveal())}, nil
	}
	return d.startSandbox()
}

// sandboxAccount is the embedded sandbox's only account.
const sandboxAccount = "AC00000000000000000000000000000000"

func (d *Daemon) startSandbox() (account, error) {
	settings := d.config.Carrier.Sandbox
	token := hex.AppendEncode(nil, randomBytes(16))
	inbound, err := twilio.InboundURL(d.carrier.publicURL)
	if err != nil {
		return account{}, err
	}
	voice, err := twilio.VoiceURL(d.carrier.publicURL)
	if err != nil {
		return account{}, err
	}
	server, err := sandbox.New(sandbox.Options{
		VoiceURL: voice,
		Log:      filepath.Join(d.config.DataDirectory, "sandbox.log"), Seed: settings.Seed, AccountSID: sandboxAccount,
		AuthToken: string(token), Start: settings.Clock.Start, Speed: settings.Clock.Speed,
		Undelivered: share(settings.Undelivered), Failed: share(settings.Failed), Silent: share(settings.Silent),
		StopFraction: share(settings.StopFraction), Latency: settings.Latency, InboundURL: inbound, Logger: d.log,
	})
	if err != nil {
		return account{}, fmt.Errorf("start the SANDBOX carrier: %w", err)
	}
	d.onClose("sandbox", server.Close)
	if err := server.Start("127.0.0.1:0"); err != nil {
		return account{}, fmt.Errorf("start the SANDBOX carrier: %w", err)
	}
	d.carrier.inner, d.carrier.url, d.clock = server, server.URL(), insideClock{server.Clock()}
	return account{sandboxAccount, server.URL(), token}, nil
}

// share is a share as the sandbox reads it, to whom 0 is its own default.
func share(part float64) float64 {
	if part == 0 {
		return -1
	}
	return part
}

// openCallbacks begins to answer the carrier.
func (d *Daemon) openCallbacks() error {
	callbacks, err := twilio.NewCallbacks(twilio.CallbackOptions{
		AuthToken: d.carrier.token, ReferenceKey: twilio.NewSecret(d.keys.Callback.Bytes()),
		PublicURL: d.carrier.publicURL, Calls: d.dialer, Clock: d.dialer.Hearing(), Logger: d.log,
	}, d.dialer)
	if err != nil {
		return err
	}
	d.carrier.callbacks = callbacks
	server := &http.Server{
		Handler: d.answering("callbacks", callbacks), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
	}
	go func() { _ = server.Serve(d.carrier.listener) }() // returns once the server is shut down
	d.onClose("callbacks", d.bounded(server.Shutdown))
	return nil
}

// listenAgain listens where it did the last time, if any port will do: messages
// that are under way still call back there.
func listenAgain(address, remembered string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", address, err)
	}
	if port != "0" {
		return listen(address)
	}
	if last, err := os.ReadFile(remembered); err == nil {
		if listener, err := listen(net.JoinHostPort(host, strings.TrimSpace(string(last)))); err == nil {
			return listener, nil
		}
	}
	listener, err := listen(address)
	if err != nil {
		return nil, err
	}
	_, found, _ := net.SplitHostPort(listener.Addr().String())
	_ = os.WriteFile(remembered, []byte(found+"\n"), 0o600) // on a full disk the next start finds another port
	return listener, nil
}

// tellAddresses tells a sandbox in another process where to post what contacts
// answer, and where those are answered who ring back; at a real carrier somebody
// enters this in its console.
func tellAddresses(base, publicURL string) error {
	inbound, err := twilio.InboundURL(publicURL)
	if err != nil {
		return err
	}
	voice, err := twilio.VoiceURL(publicURL)
	if err != nil {
		return err
	}
	if err := tellAddress(base, "inbound", inbound); err != nil {
		return err // the other would be waited for in vain, too
	}
	return tellAddress(base, "voice", voice)
}

func tellAddress(base, of, where string) error {
	address, err := url.JoinPath(base, "sandbox", of)
	if err != nil {
		return fmt.Errorf("sandbox address: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	body := strings.NewReader(fmt.Sprintf(`{"url":%q}`, where))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, body)
	if err != nil {
		return fmt.Errorf("sandbox address: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("tell the SANDBOX carrier where we are: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("tell the SANDBOX carrier where we are: it answered %s", response.Status)
	}
	return nil
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}
