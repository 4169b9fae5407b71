package configs

import (
	"fmt"
	"os"
	"path/filepath"
)

// The places where a token is looked for beside the file that the settings
// name.
//
//nolint:gosec // names of places, not secrets
const (
	tokenCredential  = "twilio_auth_token"
	tokenEnvironment = "HUSTINGS_TWILIO_AUTH_TOKEN"
)

// AuthToken returns the account's token: from the file that the settings name,
// or else from systemd's credential "twilio_auth_token", or else from
// HUSTINGS_TWILIO_AUTH_TOKEN in the environment. Its error wraps ErrSecret.
func (t Twilio) AuthToken() (Secret, error) {
	if t.AuthTokenFile != "" {
		return readSecret(t.AuthTokenFile)
	}
	if folder := os.Getenv("CREDENTIALS_DIRECTORY"); folder != "" {
		path := filepath.Join(folder, tokenCredential)
		if _, err := os.Stat(path); err == nil {
			return readSecret(path)
		}
	}
	if value := os.Getenv(tokenEnvironment); value != "" {
		return Secret{value}, nil
	}
	return Secret{}, fmt.Errorf("%w: no token: set carrier.twilio.auth_token_file, systemd's credential %q or %s",
		ErrSecret, tokenCredential, tokenEnvironment)
}

// AuthToken returns the token of a sandbox in its own process. Its error wraps
// ErrSecret.
func (s Sandbox) AuthToken() (Secret, error) { return readSecret(s.AuthTokenFile) }

// CheckSecrets tells whether every secret that the settings name can be had,
// and by nobody else. Its error is a Faults.
func (c *Config) CheckSecrets() error {
	d := c.places()
	switch {
	case c.Carrier.Kind == CarrierTwilio:
		if _, err := c.Carrier.Twilio.AuthToken(); err != nil {
			d.fault("carrier.twilio.auth_token_file", "", "%v", err)
		}
	case c.Carrier.Sandbox.APIBaseURL != "":
		if _, err := c.Carrier.Sandbox.AuthToken(); err != nil {
			d.fault("carrier.sandbox.auth_token_file", "", "%v", err)
		}
	}
	if c.NATS.Credentials != "" {
		if err := checkSecretFile(c.NATS.Credentials); err != nil {
			d.fault("nats.credentials", "", "%v", err)
		}
	}
	return d.err()
}

// places returns the document that the settings came from, without its faults.
func (c *Config) places() *document {
	if c.document == nil {
		return &document{file: "configuration"}
	}
	return &document{file: c.document.file, lines: c.document.lines, marks: c.document.marks}
}
