package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// call is what is read of Twilio's call resource. It tells nothing of what was said.
type call struct {
	SID         string `json:"sid"`
	From        string `json:"from"`
	To          string `json:"to"`
	Direction   string `json:"direction"`
	Status      string `json:"status"`
	AnsweredBy  string `json:"answered_by"`
	DateCreated string `json:"date_created"`
	// Price is negative where Twilio has charged for the call.
	Price     string `json:"price"`
	PriceUnit string `json:"price_unit"`
}

type callPage struct {
	Calls       *[]call `json:"calls"`
	NextPageURI string  `json:"next_page_uri"`
}

// record reads the call as one of ours to the number.
func (c *call) record(to contact.Number) (dialer.Record, error) {
	created, err := parseDate(c.DateCreated)
	if err != nil {
		return dialer.Record{}, err
	}
	if !validCallSID(c.SID) {
		return dialer.Record{}, errors.New("a call has no valid sid")
	}
	status, _ := parseCallStatus(c.Status, c.AnsweredBy)
	record := dialer.Record{SID: c.SID, To: to, From: c.From, Call: true, CreatedAt: created, Status: status}
	if cost, charged := strings.CutPrefix(c.Price, "-"); charged && record.Price.UnmarshalText([]byte(cost)) == nil {
		record.Currency = c.PriceUnit
	}
	return record, nil
}

// findCalls lists the calls to a number; see Find.
func (c *Client) findCalls(ctx context.Context, to contact.Number, since time.Time) ([]dialer.Record, error) {
	var found []dialer.Record
	params := new(api.ListCallParams).SetTo(to.E164()).SetPageSize(findPageSize)
	err := c.eachCallPage(ctx, "find calls", params, findPages, func(page []call) (bool, error) {
		records, _, err := callsSince(page, since)
		found = append(found, records...)
		return true, err
	})
	return found, err
}

// outboundCalls yields the calls of our callers; see Outbound.
func (c *Client) outboundCalls(ctx context.Context, since time.Time, yield func([]dialer.Record, error) bool) {
	for _, caller := range c.callers {
		params, stopped := new(api.ListCallParams).SetFrom(caller).SetPageSize(outboundPageSize), false
		err := c.eachCallPage(ctx, "list outbound calls", params, outboundPages, func(page []call) (bool, error) {
			records, newest, err := callsSince(page, since)
			if err != nil {
				return false, err
			}
			stopped = !yield(records, nil)
			return !stopped && !newest.Before(since.Add(-outboundOverlap)), nil
		})
		if stopped {
			return
		}
		if err != nil {
			yield(nil, err)
			return
		}
	}
}

// callsSince returns our calls of a page, and when its newest call was created.
func callsSince(page []call, since time.Time) (records []dialer.Record, newest time.Time, err error) {
	for i := range page {
		one := &page[i]
		created, err := parseDate(one.DateCreated)
		if err != nil {
			return nil, newest, err
		}
		if created.After(newest) {
			newest = created
		}
		to, known := parseNumber(one.To)
		if !known || one.Direction != directionAPI || created.Before(since) {
			continue
		}
		record, err := one.record(to)
		if err != nil {
			return nil, newest, err
		}
		records = append(records, record)
	}
	return records, newest, nil
}

// eachCallPage goes through a list of calls until it ends or each wants no more. A
// list with more pages than may be is an error.
func (c *Client) eachCallPage(
	ctx context.Context, operation string, params *api.ListCallParams, pages int, each func([]call) (more bool, err error),
) error {
	token, number := "", ""
	for range pages {
		var page callPage
		err := c.again(ctx, func() (err error) { page, err = c.callPage(ctx, operation, params, token, number); return err })
		if err != nil {
			return err
		}
		more, err := each(*page.Calls)
		if err == nil && more && page.NextPageURI != "" {
			token, number, err = c.nextPage(calls, page.NextPageURI)
		}
		switch {
		case err != nil:
			return &Error{Operation: operation, fault: err.Error()}
		case !more || page.NextPageURI == "":
			return nil
		}
	}
	return &Error{Operation: operation, fault: fmt.Sprintf("more than %d pages", pages)}
}

func (c *Client) callPage(ctx context.Context, operation string, params *api.ListCallParams, token, number string) (callPage, error) {
	e := c.newExchange(ctx, "list calls", pageLimit)
	defer e.release()
	_, _ = e.service().PageCall(params, token, number) // As in Place.
	if err := e.fail(operation); err != nil {
		return callPage{}, err
	}
	var page callPage
	if err := json.Unmarshal(e.body.Bytes(), &page); err != nil || page.Calls == nil {
		return callPage{}, &Error{Operation: operation, HTTPStatus: e.status, fault: "the answer is not a list of calls"}
	}
	return page, nil
}

// parseCallStatus reads Twilio's words for how far a call is and who has answered it,
// and tells whether they are known.
func parseCallStatus(word, answeredBy string) (dialer.CarrierStatus, bool) {
	machine := isMachine(answeredBy)
	switch word {
	case "queued":
		return dialer.StatusQueued, true
	case "initiated":
		return dialer.StatusSending, true
	case "ringing":
		return dialer.StatusRinging, true
	case "in-progress", "answered":
		if machine {
			return dialer.StatusAnsweredMachine, true
		}
		return dialer.StatusAnswered, true
	case "completed":
		if machine {
			return dialer.StatusCompletedMachine, true
		}
		return dialer.StatusCompleted, true
	case "busy":
		return dialer.StatusBusy, true
	case "no-answer":
		return dialer.StatusNoAnswer, true
	case "failed":
		return dialer.StatusFailed, true
	case "canceled":
		return dialer.StatusCanceled, true
	default:
		return dialer.StatusUnknown, false
	}
}

// isMachine tells whether Twilio's verdict is that nobody was there.
func isMachine(answeredBy string) bool {
	return strings.HasPrefix(answeredBy, "machine_") || answeredBy == "fax"
}
