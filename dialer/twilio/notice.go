package twilio

import (
	"context"
	"net/http"
	"sync/atomic"
)

// The events that this package logs.
const (
	eventCarrierExchange  = "carrier_exchange"
	eventCallbackRefused  = "callback_refused"
	eventCallbackUnusable = "callback_unusable"
	eventCallbackDeferred = "callback_deferred"
)

// note tells of an exchange: to whom it may concern at once, and to the log
// where somebody follows it closely.
func (c *Client) note(exchange Exchange) {
	c.logger.Debug().Str("event", eventCarrierExchange).Str("operation", exchange.Operation).
		Int("http_status", exchange.HTTPStatus).Dur("duration_ms", exchange.Duration).
		Str("request_id", exchange.RequestID).Msg("asked Twilio")
	if c.observe != nil {
		c.observe(exchange)
	}
}

// refuse answers a callback that is not Twilio's or not ours, in its turn. Nothing of it
// is logged: it may be anything.
func (c *Callbacks) refuse(ctx context.Context, w http.ResponseWriter, count *atomic.Uint64, fault string) {
	total := count.Add(1)
	c.refusedLog.Do(func() {
		c.logger.Warn().Str("event", eventCallbackRefused).Str("fault", fault).Uint64("total", total).
			Msg("a callback was refused; if Twilio sent it, check the public URL, the auth token and the reference key")
	})
	if !c.refusals.turn(ctx) {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(http.StatusForbidden)
}

// drop notes a signed callback that says nothing we know. Repeating it would
// not help, so it is not refused. An attempt of 0 is not named.
func (c *Callbacks) drop(kind, word string, attempt uint64) {
	total := c.unusable.Add(1)
	c.unusableLog.Do(func() {
		line := c.logger.Warn().Str("event", eventCallbackUnusable).Str("kind", kind).Uint64("total", total)
		if isWord(word) {
			line = line.Str("status", word)
		}
		if attempt != 0 {
			line = line.Uint64("attempt", attempt)
		}
		line.Msg("a callback says nothing that is known")
	})
}

// deferNews asks Twilio to repeat what could not be kept.
func (c *Callbacks) deferNews(w http.ResponseWriter, kind string, err error) {
	total := c.deferred.Add(1)
	c.deferredLog.Do(func() {
		c.logger.Error().Str("event", eventCallbackDeferred).Str("kind", kind).Uint64("total", total).Err(err).
			Msg("a callback could not be kept; Twilio is asked to repeat it")
	})
	w.WriteHeader(http.StatusServiceUnavailable)
}

// isWord tells whether text is like one of Twilio's words, hence no number.
func isWord(text string) bool {
	if text == "" || len(text) > 32 {
		return false
	}
	for i := range len(text) {
		if c := text[i]; (c < 'a' || c > 'z') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
