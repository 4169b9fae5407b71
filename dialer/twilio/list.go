package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// list is a list of messages or of calls at Twilio, as it is asked for.
type list[E message | call] struct {
	client *Client
	// operation says in errors what is done, and kind to observers what is asked.
	operation, kind string
	// document is how the list ends in an address, of what it is a list.
	document, of string
	// pages is how many it may have. A list that goes past them is an error: half a
	// list must not pass for the whole.
	pages int
	// patient tells that a page is asked for again where it cannot be had.
	patient bool
	ask     func(service *api.ApiService, token, number string)
}

// page is one page of a list, of messages or of calls.
type page[E message | call] struct {
	Messages    *[]E   `json:"messages"`
	Calls       *[]E   `json:"calls"`
	NextPageURI string `json:"next_page_uri"`
}

func (c *Client) messages(operation string, params *api.ListMessageParams, pages int) list[message] {
	return list[message]{
		client: c, operation: operation, kind: "list", document: "Messages.json", of: "messages", pages: pages,
		ask: func(service *api.ApiService, token, number string) { _, _ = service.PageMessage(params, token, number) }, // As in Place.
	}
}

func (c *Client) calls(operation string, params *api.ListCallParams, pages int) list[call] {
	return list[call]{
		client: c, operation: operation, kind: "list calls", document: "Calls.json", of: "calls", pages: pages, patient: true,
		ask: func(service *api.ApiService, token, number string) { _, _ = service.PageCall(params, token, number) }, // As in Place.
	}
}

// each goes through the list page by page, until it ends or no more is wanted.
func (l *list[E]) each(ctx context.Context, visit func([]E) (more bool, err error)) error {
	token, number := "", ""
	for range l.pages {
		entries, next, err := l.page(ctx, token, number)
		if err != nil {
			return err
		}
		if next != "" {
			token, number, err = l.client.nextPage(l.document, next)
		}
		more := false
		if err == nil {
			more, err = visit(entries)
		}
		switch {
		case err != nil:
			return &Error{Operation: l.operation, fault: err.Error()}
		case !more || next == "":
			return nil
		}
	}
	return &Error{Operation: l.operation, fault: fmt.Sprintf("more than %d pages", l.pages)}
}

// pageTries is how often a page of a long list is asked for: one that cannot be
// had would cost all those before it.
const pageTries = 4

// page fetches a page, again after a while where that fails and the list is patient.
func (l *list[E]) page(ctx context.Context, token, number string) (entries []E, next string, err error) {
	for try := 1; ; try++ {
		entries, next, err = l.fetch(ctx, token, number)
		if err == nil || !l.patient || try == pageTries || !wait(ctx, time.Duration(try)*time.Second) {
			return entries, next, err
		}
	}
}

func (l *list[E]) fetch(ctx context.Context, token, number string) (entries []E, next string, err error) {
	e := l.client.newExchange(ctx, l.kind, pageLimit)
	defer e.release()
	l.ask(e.service(), token, number)
	if err := e.fail(l.operation); err != nil {
		return nil, "", err
	}
	var read page[E]
	err = json.Unmarshal(e.body.Bytes(), &read)
	found := read.Messages
	if l.of == "calls" {
		found = read.Calls
	}
	if err != nil || found == nil {
		// The decoder's own words may repeat a value.
		return nil, "", &Error{Operation: l.operation, HTTPStatus: e.status, fault: "the answer is not a list of " + l.of}
	}
	return *found, read.NextPageURI, nil
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

// entry is a message or a call in a list.
type entry[E any] interface {
	*E
	common() *resource
	record(to contact.Number) (dialer.Record, error)
}

// recordsSince returns what is ours of a page, and when its newest entry was created.
func recordsSince[E any, P entry[E]](entries []E, since time.Time) (records []dialer.Record, newest time.Time, err error) {
	for i := range entries {
		one := P(&entries[i])
		created, err := parseDate(one.common().DateCreated)
		if err != nil {
			return nil, newest, err
		}
		if created.After(newest) {
			newest = created
		}
		to, known := parseNumber(one.common().To)
		if !known || one.common().Direction != directionAPI || created.Before(since) {
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

// yieldSince yields our records of a list until a whole page is older by far than was
// asked for, and tells whether more is wanted.
func yieldSince[E message | call, P entry[E]](
	ctx context.Context, l list[E], since time.Time, yield func([]dialer.Record, error) bool,
) (more bool) {
	l.patient, more = true, true
	err := l.each(ctx, func(entries []E) (bool, error) {
		records, newest, err := recordsSince[E, P](entries, since)
		if err != nil {
			return false, err
		}
		more = yield(records, nil)
		return more && !newest.Before(since.Add(-outboundOverlap)), nil
	})
	if err != nil {
		yield(nil, err)
		return false
	}
	return more
}
