package twilio

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// Bounds of a list. One number has few messages, and a list that goes past its
// bound is an error: half a list must not pass for the whole.
const (
	findPageSize    = 100
	findPages       = 20
	inboundPageSize = 1000
	inboundPages    = 500
	// A day of a large broker's has some thousand pages.
	outboundPageSize = 1000
	outboundPages    = 100_000
)

// message is what is read of Twilio's message resource. An error code may be
// null, a number or, with some versions, a text.
type message struct {
	SID         string      `json:"sid"`
	From        string      `json:"from"`
	Service     string      `json:"messaging_service_sid"`
	To          string      `json:"to"`
	Body        string      `json:"body"`
	Direction   string      `json:"direction"`
	Status      string      `json:"status"`
	DateCreated string      `json:"date_created"`
	ErrorCode   json.Number `json:"error_code"`
	// Price is negative where Twilio has charged for the message.
	Price     string `json:"price"`
	PriceUnit string `json:"price_unit"`
}

// The lists, as they end in an address.
const messages, calls = "Messages.json", "Calls.json"

type messagePage struct {
	Messages    *[]message `json:"messages"`
	NextPageURI string     `json:"next_page_uri"`
}

const (
	directionInbound = "inbound"
	// directionAPI is a message that was asked for over the API: Twilio's own
	// answers to STOP and HELP come from our senders, too.
	directionAPI = "outbound-api"
)

// sender is what the request has named as its sender: the service that chose the
// number, where there was one.
func (m *message) sender() string {
	if m.Service != "" {
		return m.Service
	}
	return m.From
}

// record reads the message as one of ours to the number.
func (m *message) record(to contact.Number) (dialer.Record, error) {
	created, err := parseDate(m.DateCreated)
	if err != nil {
		return dialer.Record{}, err
	}
	if !validMessageSID(m.SID) {
		return dialer.Record{}, errors.New("a message has no valid sid")
	}
	status, _ := parseStatus(m.Status)
	code := parseCode(m.ErrorCode.String())
	record := dialer.Record{
		SID: m.SID, To: to, From: m.sender(), Body: m.Body, CreatedAt: created, Status: status, Code: code, Effect: EffectOf(code),
	}
	if cost, charged := strings.CutPrefix(m.Price, "-"); charged && record.Price.UnmarshalText([]byte(cost)) == nil {
		record.Currency = m.PriceUnit
	}
	return record, nil
}

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
	const operation = "find messages"
	var records []dialer.Record
	params := new(api.ListMessageParams).SetTo(to.E164()).SetPageSize(findPageSize)
	err := c.list(ctx, operation, params, findPages, func(m message) error {
		if number, known := parseNumber(m.To); !known || number != to || m.Direction == directionInbound {
			return nil
		}
		record, err := m.record(to)
		if err == nil && !record.CreatedAt.Before(since) {
			records = append(records, record)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// outboundOverlap is how much further back Outbound reads than it was asked to.
// Twilio lists the newest first, but does not say by which of a message's dates;
// those of a message of ours, which is sent within minutes or never, are not
// that far apart.
const outboundOverlap = 15 * time.Minute

// Outbound lists the messages of our senders (see Options.Receivers; with none,
// of everybody) and the calls of our callers (Options.Callers; with none, no calls)
// that were created at or after since, in whole seconds: the newest first for each
// of them, a page at a time. An error, which is an *Error,
// comes last.
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
			for page, err := range c.outbound(ctx, params, since) {
				if !yield(page, err) || err != nil {
					return
				}
			}
		}
		c.outboundCalls(ctx, since, yield)
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

// outbound goes through one list until a whole page is older than was asked for.
func (c *Client) outbound(ctx context.Context, params *api.ListMessageParams, since time.Time) iter.Seq2[[]dialer.Record, error] {
	const operation = "list outbound messages"
	return func(yield func([]dialer.Record, error) bool) {
		token, number := "", ""
		for range outboundPages {
			page, err := c.pageAgain(ctx, operation, params, token, number)
			if err != nil {
				yield(nil, err)
				return
			}
			records, newest, err := recordsSince(*page.Messages, since)
			if err == nil && page.NextPageURI != "" {
				token, number, err = c.nextPage(messages, page.NextPageURI)
			}
			if err != nil {
				yield(nil, &Error{Operation: operation, fault: err.Error()})
				return
			}
			if !yield(records, nil) || page.NextPageURI == "" || newest.Before(since.Add(-outboundOverlap)) {
				return
			}
		}
		yield(nil, &Error{Operation: operation, fault: fmt.Sprintf("more than %d pages", outboundPages)})
	}
}

// recordsSince returns our messages of a page, and when its newest message was
// created.
func recordsSince(page []message, since time.Time) (records []dialer.Record, newest time.Time, err error) {
	for i := range page {
		m := &page[i]
		created, err := parseDate(m.DateCreated)
		if err != nil {
			return nil, newest, err
		}
		if created.After(newest) {
			newest = created
		}
		to, known := parseNumber(m.To)
		if !known || m.Direction != directionAPI || created.Before(since) {
			continue
		}
		record, err := m.record(to)
		if err != nil {
			return nil, newest, err
		}
		records = append(records, record)
	}
	return records, newest, nil
}

// pageTries is how often a page of a long list is asked for: one that cannot be
// had would cost all those before it.
const pageTries = 4

// pageAgain fetches a page, again after a while where that fails.
func (c *Client) pageAgain(ctx context.Context, operation string, params *api.ListMessageParams, token, number string) (page messagePage, err error) {
	err = c.again(ctx, func() (err error) { page, err = c.page(ctx, operation, params, token, number); return err })
	return page, err
}

// again fetches until that does not fail, or has failed too often.
func (c *Client) again(ctx context.Context, fetch func() error) error {
	for try := 1; ; try++ {
		err := fetch()
		if err == nil || try == pageTries {
			return err
		}
		wait := time.NewTimer(time.Duration(try) * time.Second)
		select {
		case <-ctx.Done():
			wait.Stop()
			return err
		case <-wait.C:
		}
	}
}

// Inbound lists the texts received at or after since, oldest first; see
// Options.Receivers. Twilio's list does not tell which of them it has taken
// for opt-outs itself, so CarrierStopped is never set. The error is an *Error.
func (c *Client) Inbound(ctx context.Context, since time.Time) ([]dialer.InboundText, error) {
	const operation = "list inbound messages"
	since = since.Truncate(time.Second)
	var texts []dialer.InboundText
	visit := func(m message) error {
		if m.Direction != directionInbound {
			return nil
		}
		created, err := parseDate(m.DateCreated)
		if err != nil {
			return err
		}
		from, known := parseNumber(m.From)
		if !known || created.Before(since) {
			return nil
		}
		texts = append(texts, dialer.InboundText{SID: m.SID, From: from, To: m.To, Body: m.Body, ReceivedAt: created})
		return nil
	}
	for _, receiver := range c.inboundQueries() {
		// The filter knows days only, in GMT; a day more costs little and
		// forgives clocks.
		day := since.UTC().Truncate(24*time.Hour).AddDate(0, 0, -1)
		params := new(api.ListMessageParams).SetDateSentAfter(day).SetPageSize(inboundPageSize)
		if receiver != "" {
			params.SetTo(receiver)
		}
		if err := c.list(ctx, operation, params, inboundPages, visit); err != nil {
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

// list visits the messages of all pages, at most pages of them.
func (c *Client) list(ctx context.Context, operation string, params *api.ListMessageParams, pages int, visit func(message) error) error {
	token, number := "", ""
	for range pages {
		page, err := c.page(ctx, operation, params, token, number)
		if err != nil {
			return err
		}
		for _, m := range *page.Messages {
			if err := visit(m); err != nil {
				return &Error{Operation: operation, fault: err.Error()}
			}
		}
		if page.NextPageURI == "" {
			return nil
		}
		if token, number, err = c.nextPage(messages, page.NextPageURI); err != nil {
			return &Error{Operation: operation, fault: err.Error()}
		}
	}
	return &Error{Operation: operation, fault: fmt.Sprintf("more than %d pages", pages)}
}

func (c *Client) page(ctx context.Context, operation string, params *api.ListMessageParams, token, number string) (messagePage, error) {
	e := c.newExchange(ctx, "list", pageLimit)
	defer e.release()
	_, _ = e.service().PageMessage(params, token, number) // As in Place.
	if err := e.fail(operation); err != nil {
		return messagePage{}, err
	}
	var page messagePage
	if err := json.Unmarshal(e.body.Bytes(), &page); err != nil || page.Messages == nil {
		// The decoder's own words may repeat a value.
		return messagePage{}, &Error{Operation: operation, HTTPStatus: e.status, fault: "the answer is not a list of messages"}
	}
	return page, nil
}

// nextPage reads where a list goes on. Only the place in this same list is
// taken from it; our credentials go to no other host or path.
func (c *Client) nextPage(resource, uri string) (token, number string, err error) {
	next, err := url.Parse(uri)
	if err != nil {
		return "", "", errors.New("the next page's address is not a URL")
	}
	list := "/2010-04-01/Accounts/" + c.account + "/" + resource
	if next.Host != "" && (next.Host != c.base.Host || next.Scheme != c.base.Scheme) || next.Path != list {
		return "", "", errors.New("the next page is not on this list")
	}
	query := next.Query()
	token, number = query.Get("PageToken"), query.Get("Page")
	if token == "" && number == "" {
		return "", "", errors.New("the next page has no token")
	}
	return token, number, nil
}

// parseDate reads Twilio's dates (RFC 2822, in whole seconds).
func parseDate(text string) (time.Time, error) {
	date, err := time.Parse(time.RFC1123Z, text)
	if err != nil {
		return time.Time{}, errors.New("a message has no readable date")
	}
	return date.UTC(), nil
}

// parseNumber reads a number, in front of which a channel may stand such as
// "rcs:": STOP is STOP by whatever channel it comes.
func parseNumber(text string) (contact.Number, bool) {
	number, err := contact.ParseE164(text[strings.LastIndexByte(text, ':')+1:])
	return number, err == nil
}

// parseCode reads an error code, 0 where there is none.
func parseCode(text string) int {
	code, err := strconv.Atoi(text)
	if err != nil || !validCode(code) {
		return 0
	}
	return code
}

// parseStatus reads Twilio's word for how far a message is, and tells whether
// it is known.
func parseStatus(word string) (dialer.CarrierStatus, bool) {
	switch word {
	case "accepted", "scheduled", "queued":
		return dialer.StatusQueued, true
	case "sending":
		return dialer.StatusSending, true
	case "sent":
		return dialer.StatusSent, true
	case "delivered", "read", "partially_delivered":
		return dialer.StatusDelivered, true
	case "undelivered":
		return dialer.StatusUndelivered, true
	case "failed":
		return dialer.StatusFailed, true
	case "canceled":
		return dialer.StatusCanceled, true
	default:
		return dialer.StatusUnknown, false
	}
}
