package twilio

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// Bounds of a list. One number has few messages.
const (
	findPageSize    = 100
	findPages       = 20
	inboundPageSize = 1000
	inboundPages    = 500
	// A day of a large broker's has some thousand pages.
	outboundPageSize = 1000
	outboundPages    = 100_000
)

// Find lists the messages to a number, or the calls, that were created at or after
// since, which counts in whole seconds as Twilio's dates do. The error is an *Error.
//
// It asks by recipient alone: Twilio's filter on dates looks at the date sent, or
// begun, which whatever is queued does not have yet.
func (c *Client) Find(ctx context.Context, channel contact.Channel, to contact.Number, since time.Time) ([]dialer.Record, error) {
	since = since.Truncate(time.Second)
	if channel.IsVoice() {
		return c.findCalls(ctx, to, since)
	}
	return c.findMessages(ctx, to, since)
}

func (c *Client) findMessages(ctx context.Context, to contact.Number, since time.Time) (records []dialer.Record, err error) {
	all := c.messages("find messages", new(api.ListMessageParams).SetTo(to.E164()).SetPageSize(findPageSize), findPages)
	err = all.each(ctx, func(entries []message) (bool, error) {
		for i := range entries {
			m := &entries[i]
			if number, known := parseNumber(m.To); !known || number != to || m.Direction == directionInbound {
				continue
			}
			record, err := m.record(to)
			if err != nil {
				return false, err
			}
			if !record.CreatedAt.Before(since) {
				records = append(records, record)
			}
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

func (c *Client) findCalls(ctx context.Context, to contact.Number, since time.Time) (found []dialer.Record, err error) {
	all := c.calls("find calls", new(api.ListCallParams).SetTo(to.E164()).SetPageSize(findPageSize), findPages)
	err = all.each(ctx, func(entries []call) (bool, error) {
		records, _, err := recordsSince(entries, since)
		found = append(found, records...)
		return true, err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// outboundOverlap is how much further back Outbound reads than it was asked to.
// Twilio lists the newest first, but does not say by which of a message's dates;
// those of a message of ours, which is sent within minutes or never, are not
// that far apart.
const outboundOverlap = 15 * time.Minute

// Outbound lists the messages of our senders (see Options.Receivers; with none,
// of everybody) and the calls of our callers (Options.Callers; with none, no calls)
// that were created at or after since, in whole seconds: the newest first for each
// of them, a page at a time. An error, which is an *Error, comes last.
//
// It asks without a date: Twilio's filter looks at the date sent, which a queued
// message does not have yet. What somebody has deleted, or had redacted, at the
// carrier cannot be told.
func (c *Client) Outbound(ctx context.Context, since time.Time) iter.Seq2[[]dialer.Record, error] {
	since = since.Truncate(time.Second)
	return func(yield func([]dialer.Record, error) bool) {
		for _, sender := range c.outboundQueries() {
			params := new(api.ListMessageParams).SetPageSize(outboundPageSize)
			if sender != "" {
				params.SetFrom(sender)
			}
			if !yieldSince(ctx, c.messages("list outbound messages", params, outboundPages), since, yield) {
				return
			}
		}
		for _, caller := range c.callers {
			params := new(api.ListCallParams).SetFrom(caller).SetPageSize(outboundPageSize)
			if !yieldSince(ctx, c.calls("list outbound calls", params, outboundPages), since, yield) {
				return
			}
		}
	}
}

// outboundQueries returns the senders to ask for, "" for all messages: those of
// a messaging service can be listed by the service's numbers alone.
func (c *Client) outboundQueries() []string {
	if len(c.receivers) == 0 || slices.ContainsFunc(c.receivers, isMessagingService) {
		return []string{""}
	}
	return c.receivers
}

// Inbound lists the texts received at or after since, oldest first; see
// Options.Receivers. Twilio's list does not tell which of them it has taken
// for opt-outs itself, so CarrierStopped is never set. The error is an *Error.
func (c *Client) Inbound(ctx context.Context, since time.Time) ([]dialer.InboundText, error) {
	since = since.Truncate(time.Second)
	var texts []dialer.InboundText
	visit := func(entries []message) (bool, error) {
		for _, m := range entries {
			if m.Direction != directionInbound {
				continue
			}
			created, err := parseDate(m.DateCreated)
			if err != nil {
				return false, err
			}
			if from, known := parseNumber(m.From); known && !created.Before(since) {
				texts = append(texts, dialer.InboundText{SID: m.SID, From: from, To: m.To, Body: m.Body, ReceivedAt: created})
			}
		}
		return true, nil
	}
	for _, receiver := range c.inboundQueries() {
		// The filter knows days only, in GMT; a day more costs little and
		// forgives clocks.
		day := since.UTC().Truncate(24*time.Hour).AddDate(0, 0, -1)
		params := new(api.ListMessageParams).SetDateSentAfter(day).SetPageSize(inboundPageSize)
		if receiver != "" {
			params.SetTo(receiver)
		}
		all := c.messages("list inbound messages", params, inboundPages)
		if err := all.each(ctx, visit); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(texts, func(a, b dialer.InboundText) int {
		return cmp.Or(a.ReceivedAt.Compare(b.ReceivedAt), strings.Compare(a.SID, b.SID))
	})
	return texts, nil
}

// inboundQueries returns the receivers to ask for, "" for all messages.
func (c *Client) inboundQueries() []string {
	if len(c.receivers) == 0 {
		return []string{""}
	}
	return c.receivers
}
