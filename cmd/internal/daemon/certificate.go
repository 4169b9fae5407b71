package daemon

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// certificate is that of a listener, read anew when its files change: those who
// renew certificates write files, and tell nobody.
type certificate struct {
	files [2]string // certificate and key

	mu      sync.Mutex
	changed [2]time.Time
	pair    *tls.Certificate
}

func newCertificate(file, key string) (*certificate, error) {
	c := &certificate{files: [2]string{file, key}}
	if err := c.read(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		_ = c.readAgain() // one that is half written is read at the next handshake; the old one counts until then
		return c.pair, nil
	}}
}

func (c *certificate) times() (times [2]time.Time, err error) {
	for i, path := range c.files {
		info, err := os.Stat(path)
		if err != nil {
			return times, fmt.Errorf("look at the certificate: %w", err)
		}
		times[i] = info.ModTime()
	}
	return times, nil
}

func (c *certificate) readAgain() error {
	times, err := c.times()
	if err != nil || times == c.changed {
		return err
	}
	return c.read()
}

func (c *certificate) read() error {
	times, err := c.times()
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.files[0], c.files[1])
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	c.pair, c.changed = &pair, times
	return nil
}
