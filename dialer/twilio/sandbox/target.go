package sandbox

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Twilio's defaults and bounds for callbacks.
const (
	defaultConnectTime = 5 * time.Second
	maximumConnectTime = 10 * time.Second
	maximumReadTime    = 15 * time.Second
	minimumTime        = 100 * time.Millisecond
	maximumRetries     = 5
)

// target is a callback URL without its fragment, and what the fragment asks for.
type target struct {
	url         string // what is requested and signed
	retries     int
	connectTime time.Duration
	readTime    time.Duration
	totalTime   time.Duration

	retryConnect, retryRead, retry4xx, retry5xx bool
}

// parseTarget reads a callback URL with Twilio's connection overrides, such as
// "https://host/path#rc=3&rp=ct,5xx&rt=2000". Twilio does not say whether the
// fragment is signed; the sandbox strips it first. It fails if the URL is not an
// absolute one over HTTP, or if its host has an underscore, which Twilio refuses.
func parseTarget(text string) (target, error) {
	address, fragment, _ := strings.Cut(text, "#")
	parsed, err := url.Parse(address)
	if err != nil {
		// The error of net/url repeats the URL, which may hold a secret token.
		return target{}, errors.New("malformed url")
	}
	if parsed.Scheme != "http" && parsed.Scheme != "https" {
		return target{}, fmt.Errorf("scheme %q is neither http nor https", parsed.Scheme)
	}
	if host := parsed.Hostname(); host == "" || strings.ContainsAny(host, "_ ") {
		return target{}, fmt.Errorf("host %q is not a valid one", host)
	}
	callback := target{
		url: parsed.String(), retries: 1, retryConnect: true,
		connectTime: defaultConnectTime, readTime: maximumReadTime, totalTime: maximumReadTime,
	}
	if fragment != "" {
		callback.override(fragment)
	}
	return callback, nil
}

// override applies the fragment. What Twilio would not understand is ignored.
func (callback *target) override(fragment string) {
	for pair := range strings.SplitSeq(fragment, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if key == "rp" {
			callback.setPolicy(value)
			continue
		}
		number, err := strconv.Atoi(value)
		if err != nil {
			continue
		}
		duration := time.Duration(number) * time.Millisecond
		switch key {
		case "rc":
			callback.retries = min(max(number, 0), maximumRetries)
		case "ct":
			callback.connectTime = min(max(duration, minimumTime), maximumConnectTime)
		case "rt":
			callback.readTime = min(max(duration, minimumTime), maximumReadTime)
		case "tt":
			callback.totalTime = min(max(duration, minimumTime), maximumReadTime)
		}
	}
}

// setPolicy says after which failures there is another try.
func (callback *target) setPolicy(policy string) {
	callback.retryConnect = false
	for word := range strings.SplitSeq(policy, ",") {
		switch word {
		case "ct":
			callback.retryConnect = true
		case "rt":
			callback.retryRead = true
		case "4xx":
			callback.retry4xx = true
		case "5xx":
			callback.retry5xx = true
		case "all":
			callback.retryConnect, callback.retryRead, callback.retry4xx, callback.retry5xx = true, true, true, true
		}
	}
}
