package sandbox

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Sizes of a page of the list.
const (
	defaultPageSize = 50
	maximumPageSize = 1000
)

// query is what a list request asks for.
type query struct {
	to, from      string
	calls         bool
	after, before time.Time // bounds of the date sent: from, and up to but without
	size, page    int
	token         string // PA and the sid of the last message of the page before
}

// parseQuery reads the filters and the place in the list.
func parseQuery(values url.Values) (query, *refusal) {
	asked := query{
		to: plainNumber(values.Get("To")), from: values.Get("From"),
		size: defaultPageSize, token: values.Get("PageToken"),
	}
	for name, number := range map[string]*int{"PageSize": &asked.size, "Page": &asked.page} {
		text := values.Get(name)
		if text == "" {
			continue
		}
		parsed, err := strconv.Atoi(text)
		if err != nil || parsed < 0 {
			return query{}, refusalParameter
		}
		*number = parsed
	}
	asked.size = min(max(asked.size, 1), maximumPageSize)
	for name, set := range map[string]func(from, until time.Time){
		"DateSent":   func(from, until time.Time) { asked.after, asked.before = from, until },
		"StartTime":  func(from, until time.Time) { asked.after, asked.before = from, until },
		"StartTime>": func(from, _ time.Time) { asked.after = from },
		"StartTime<": func(_, until time.Time) { asked.before = until },
		"DateSent>":  func(from, _ time.Time) { asked.after = from },
		"DateSent<":  func(_, until time.Time) { asked.before = until },
	} {
		if text := values.Get(name); text != "" {
			from, until, ok := parseDate(text)
			if !ok {
				return query{}, refusalParameter
			}
			set(from, until)
		}
	}
	return asked, nil
}

// document is the list's own name, and items what it calls what is in it.
func (asked *query) document() string {
	if asked.calls {
		return callsDocument
	}
	return messagesDocument
}

func (asked *query) items() string {
	if asked.calls {
		return "calls"
	}
	return "messages"
}

// parseDate returns the day of a date, or the second of an instant, as a span.
// Twilio's filters include what they name.
func parseDate(text string) (from, until time.Time, ok bool) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day, day.AddDate(0, 0, 1), true
	}
	instant, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, time.Time{}, false
	}
	second := instant.UTC().Truncate(time.Second)
	return second, second.Add(time.Second), true
}

// matches says whether a message is asked for. A message that has not been sent
// does not match any date.
func (asked *query) matches(candidate *message) bool {
	switch {
	case candidate.deleted, asked.calls != (candidate.call != nil),
		asked.to != "" && candidate.to != asked.to,
		asked.from != "" && candidate.from != asked.from:
		return false
	case asked.after.IsZero() && asked.before.IsZero():
		return true
	case candidate.sent.IsZero(),
		candidate.sent.Before(asked.after),
		!asked.before.IsZero() && !candidate.sent.Before(asked.before):
		return false
	}
	return true
}

// find returns a page of the list, newest first, and whether there is another.
// With a page token it goes on behind that message, so that messages which came
// in between neither repeat nor hide any. What lags is left out.
func (messages *store) find(asked query, lags func(*message) bool) (page []resource, more bool) {
	messages.mutex.Lock()
	defer messages.mutex.Unlock()
	skip := asked.page * asked.size
	start := len(messages.all)
	if last := messages.bySid[strings.TrimPrefix(asked.token, "PA")]; last != nil {
		skip, start = 0, last.index
	}
	visit := func(candidate *message) (enough bool) {
		if candidate.index >= start || !asked.matches(candidate) || lags(candidate) {
			return false
		}
		if skip > 0 {
			skip--
			return false
		}
		if len(page) == asked.size {
			more = true
			return true
		}
		page = append(page, candidate.resource)
		return false
	}
	if asked.to != "" {
		for candidate := messages.byTo[asked.to]; candidate != nil; candidate = candidate.previous {
			if visit(candidate) {
				break
			}
		}
		return page, more
	}
	for index := start - 1; index >= 0; index-- {
		if visit(messages.all[index]) {
			break
		}
	}
	return page, more
}

// list plays GET Messages.json and GET Calls.json.
func (server *Server) list(writer http.ResponseWriter, request *http.Request, calls bool) {
	values := request.URL.Query()
	asked, refused := parseQuery(values)
	asked.calls = calls
	if refused != nil {
		server.writeRefusal(writer, refused)
		return
	}
	if server.failRead(writer, request, asked.to) {
		return
	}
	page, more := server.store.find(asked, server.lagging())
	for at := range page {
		server.show(&page[at])
	}
	if server.log.flush() != nil {
		server.writeRefusal(writer, refusalServerError)
		return
	}
	server.writeAnswer(writer, http.StatusOK, server.encodeList(values, asked, page, more))
}

// lagging returns what says whether a message is still missing from lists now.
func (server *Server) lagging() func(*message) bool {
	now, most := server.clock.Now(), server.faults.Load().ListLag
	return func(candidate *message) bool {
		age := now.Sub(candidate.created)
		if age >= most {
			return false
		}
		stream := drawFor(server.options.Seed, candidate.key+"lag")
		return age < stream.between(0, most)
	}
}

// show logs that a list tells of an inbound text, the first time that one does.
func (server *Server) show(shown *resource) {
	if !shown.inbound || strings.HasPrefix(shown.sid, callPrefix) {
		return
	}
	server.store.mutex.Lock()
	defer server.store.mutex.Unlock()
	found := server.store.bySid[shown.sid]
	if found == nil || found.shown {
		return
	}
	found.shown = true
	// A log that fails shows with the flush before the answer.
	_ = server.log.append(&Record{Kind: KindShown, Sid: found.sid, To: found.to, From: found.from})
}

// encodeList encodes a page as Twilio does.
func (server *Server) encodeList(values url.Values, asked query, page []resource, more bool) []byte {
	link := func(number int, token string) string {
		values.Set("PageSize", strconv.Itoa(asked.size))
		values.Set("Page", strconv.Itoa(number))
		values.Del("PageToken")
		if token != "" {
			values.Set("PageToken", token)
		}
		return "/2010-04-01/Accounts/" + server.options.AccountSID + "/" + asked.document() + "?" + values.Encode()
	}
	start := asked.page * asked.size
	answer := append(make([]byte, 0, 512+1024*len(page)), `{"end":`...)
	answer = strconv.AppendInt(answer, int64(start+max(len(page)-1, 0)), 10)
	answer = appendText(answer, `,"first_page_uri":`, link(0, ""))
	if more {
		answer = appendText(answer, `,"next_page_uri":`, link(asked.page+1, "PA"+page[len(page)-1].sid))
	} else {
		answer = append(answer, `,"next_page_uri":null`...)
	}
	answer = append(answer, `,"page":`...)
	answer = strconv.AppendInt(answer, int64(asked.page), 10)
	answer = append(answer, `,"page_size":`...)
	answer = strconv.AppendInt(answer, int64(asked.size), 10)
	if asked.page > 0 {
		answer = appendText(answer, `,"previous_page_uri":`, link(asked.page-1, ""))
	} else {
		answer = append(answer, `,"previous_page_uri":null`...)
	}
	answer = append(answer, `,"`+asked.items()+`":[`...)
	for at := range page {
		if at > 0 {
			answer = append(answer, ',')
		}
		answer = page[at].encode(answer, server.options.AccountSID)
	}
	answer = append(answer, `],"start":`...)
	answer = strconv.AppendInt(answer, int64(start), 10)
	answer = appendText(answer, `,"uri":`, link(asked.page, asked.token))
	return append(answer, '}')
}
