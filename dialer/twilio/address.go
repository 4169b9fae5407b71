package twilio

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Where Twilio finds us, below the public URL.
const (
	statusPath  = "/twilio/status/"
	inboundPath = "/twilio/inbound"
	// A call's digits and its verdict on machines come with the attempt's reference,
	// those of somebody who rings back without.
	digitPath    = "/twilio/digit/"
	machinePath  = "/twilio/machine/"
	voicePath    = "/twilio/voice"
	rungBackPath = "/twilio/rungback"
)

// retryFragment asks Twilio to repeat a callback up to 5 times, on every kind
// of failure, after 2 s to connect, 5 s to read and 15 s in all. Without it
// Twilio tries once more, and only where no connection was made. Source:
// Twilio, "Webhooks connection overrides".
const retryFragment = "rc=5&rp=all&ct=2000&rt=5000&tt=15000"

// parseBase reads the address of a server: scheme, host and, where allowed, a
// path. It must be https unless the host is the machine itself. Errors do not
// repeat the text: it may hold a password.
func parseBase(text string, pathAllowed bool) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("is not a URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("want a URL that begins with https://")
	case u.Hostname() == "":
		return nil, errors.New("has no host")
	case u.User != nil:
		return nil, errors.New("must not hold a user or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("must not hold a query or fragment")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return nil, fmt.Errorf("host %s is not this machine: want https", u.Hostname())
	case !pathAllowed && strings.Trim(u.Path, "/") != "":
		return nil, errors.New("must not hold a path")
	}
	return u, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// publicAddress is where Twilio reaches us: the configured URL, never the Host
// header, which whoever sends a request may choose.
type publicAddress struct {
	base string // scheme, host as written, path without a slash at its end
	path string // the base's own path
	// signed are the bases over which Twilio may have computed a signature:
	// it is not consistent about the port, so its libraries try both. The one
	// that is like the base comes first, since it is the likelier one.
	signed [2]string
}

func parsePublicAddress(text string) (publicAddress, error) {
	u, err := parseBase(text, true)
	if err != nil {
		return publicAddress{}, err
	}
	if strings.Contains(u.Hostname(), "_") {
		return publicAddress{}, errors.New("host has an underscore, which Twilio refuses in a callback")
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	bare := u.Hostname()
	if strings.Contains(bare, ":") {
		bare = "[" + bare + "]"
	}
	address := publicAddress{
		base: u.Scheme + "://" + u.Host + path,
		path: path,
		signed: [2]string{
			u.Scheme + "://" + bare + path,
			u.Scheme + "://" + net.JoinHostPort(u.Hostname(), port) + path,
		},
	}
	if u.Port() != "" {
		address.signed[0], address.signed[1] = address.signed[1], address.signed[0]
	}
	return address, nil
}

// statusURL is where Twilio shall report on the attempt of that reference.
func (a publicAddress) statusURL(reference string) string {
	return a.base + statusPath + reference + "#" + retryFragment
}

func (a publicAddress) digitURL(reference string) string {
	return a.base + digitPath + reference + "#" + retryFragment
}

func (a publicAddress) machineURL(reference string) string {
	return a.base + machinePath + reference + "#" + retryFragment
}

func (a publicAddress) rungBackURL() string { return a.base + rungBackPath + "#" + retryFragment }

// VoiceURL returns what to enter at Twilio as the webhook for incoming calls to a
// number, given the public URL: people ring back.
func VoiceURL(publicURL string) (string, error) {
	address, err := parsePublicAddress(publicURL)
	if err != nil {
		return "", fmt.Errorf("public url: %w", err)
	}
	return address.base + voicePath + "#" + retryFragment, nil
}

// InboundURL returns what to enter at Twilio as the webhook for incoming
// messages of a number or messaging service, given the public URL.
func InboundURL(publicURL string) (string, error) {
	address, err := parsePublicAddress(publicURL)
	if err != nil {
		return "", fmt.Errorf("public url: %w", err)
	}
	return address.base + inboundPath + "#" + retryFragment, nil
}
