package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// sids returns the sids of a list answer.
func (got answer) sids() []string {
	var sids []string
	for _, entry := range got.fields["messages"].([]any) {
		sids = append(sids, entry.(map[string]any)["sid"].(string))
	}
	return sids
}

func TestServer_ListFilters(t *testing.T) {
	t.Parallel()
	options := quiet(t)
	options.Start, options.Speed = monday, 1
	bed := mustStart(t, options)
	first := bed.mustCreate(text(testTo))
	if err := bed.server.AdvanceClock(36 * time.Hour); err != nil { // Tuesday evening
		t.Fatal(err)
	}
	sent := bed.awaitStatus(first, statusSent).At
	bed.awaitStatus(first, statusDelivered)
	queued := bed.mustCreate(text(otherTo, "From", "OTHER"))
	inbound, err := bed.server.Reply(testTo, testFrom, "STOP")
	if err != nil {
		t.Fatal(err)
	}
	day, tooEarly, instant := sent.Format(time.DateOnly), sent.AddDate(0, 0, -1), sent.Format(time.RFC3339)
	tests := []struct {
		name  string
		query url.Values
		want  []string // newest first
	}{
		{"all", nil, []string{inbound, queued, first}},
		{"To", url.Values{"To": {testTo}}, []string{first}},
		{"To our sender", url.Values{"To": {testFrom}}, []string{inbound}},
		{"From", url.Values{"From": {"OTHER"}}, []string{queued}},
		{"From a person", url.Values{"From": {testTo}}, []string{inbound}},
		{"To and From", url.Values{"To": {testTo}, "From": {"OTHER"}}, nil},
		{"on the day", url.Values{"DateSent": {day}, "To": {testTo}}, []string{first}},
		{"on another day", url.Values{"DateSent": {tooEarly.Format(time.DateOnly)}}, nil},
		{"from the instant on", url.Values{"DateSent>": {instant}}, []string{inbound, first}},
		{"from an hour later", url.Values{"DateSent>": {sent.Add(time.Hour).Format(time.RFC3339)}}, nil},
		{"up to the instant", url.Values{"DateSent<": {instant}, "To": {testTo}}, []string{first}},
		{"up to an hour before", url.Values{"DateSent<": {sent.Add(-time.Hour).Format(time.RFC3339)}}, nil},
		{"between days", url.Values{"DateSent>": {day}, "DateSent<": {day}, "To": {testTo}}, []string{first}},
		{"at the second", url.Values{"DateSent": {instant}, "To": {testTo}}, []string{first}},
		{"queued has no date sent", url.Values{"DateSent>": {"2000-01-01"}, "To": {otherTo}}, nil},
	}
	for _, test := range tests {
		got := bed.do(http.MethodGet, messages("")+"?"+test.query.Encode(), nil)
		if fmt.Sprint(got.sids()) != fmt.Sprint(test.want) {
			t.Errorf("%s: %v, want %v", test.name, got.sids(), test.want)
		}
	}
	got := bed.do(http.MethodGet, messages(inbound), nil)
	if got.fields["direction"] != "inbound" || got.fields["status"] != "received" || got.fields["body"] != "STOP" {
		t.Errorf("inbound %s", got.body)
	}
}

// Ensure that the log tells once when an inbound text was first listed, and that a
// restart knows that.
func TestServer_ListShows(t *testing.T) {
	t.Parallel()
	options := quiet(t)
	options.Faults.Rules = []Rule{{Fault: FaultListError, Request: Span{1, 1}}}
	first := mustStart(t, options)
	text, err := first.server.Reply(testTo, testFrom, "STOP")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // the first of which fails
		first.do(http.MethodGet, messages(""), nil)
	}
	if err := first.server.Close(); err != nil {
		t.Fatal(err)
	}
	options.Faults = Faults{}
	second := mustStart(t, options)
	second.do(http.MethodGet, messages(""), nil)
	if err := second.server.Close(); err != nil {
		t.Fatal(err)
	}
	records, err := ReadLog(options.Log)
	if err != nil {
		t.Fatal(err)
	}
	var shown []Record
	failed := uint64(0)
	for _, record := range records {
		if record.Kind == KindShown {
			shown = append(shown, record)
		}
		if record.Kind == KindFault {
			failed = record.Seq
		}
	}
	if len(shown) != 1 || shown[0].Sid != text || shown[0].From != testTo || shown[0].Seq < failed || failed == 0 {
		t.Errorf("shown %+v, failed at %d", shown, failed)
	}
}

// Ensure that following next_page_uri shows everything once, although messages
// come in between.
func TestServer_ListPages(t *testing.T) {
	t.Parallel()
	bed := mustStart(t, quiet(t))
	made := map[string]int{}
	for index := range 23 {
		made[bed.mustCreate(text(number(index)))]++
	}
	path, pages := messages("")+"?PageSize=5", 0
	for path != "" {
		got := bed.do(http.MethodGet, path, nil)
		if got.status != http.StatusOK || got.fields["page"] != float64(pages) || got.fields["page_size"] != 5.0 {
			t.Fatalf("page %d: %d %s", pages, got.status, got.body)
		}
		for _, sid := range got.sids() {
			made[sid]++
		}
		bed.mustCreate(text(number(100 + pages)))
		path, _ = got.fields["next_page_uri"].(string)
		pages++
	}
	for sid, count := range made {
		if count != 2 {
			t.Errorf("%s was shown %d times", sid, count-1)
		}
	}
	if pages != 5 {
		t.Errorf("%d pages, want 5", pages)
	}
	// Without a token the page number counts from the newest.
	got := bed.do(http.MethodGet, messages("")+"?PageSize=5&Page=5", nil)
	if len(got.sids()) != 3 || got.fields["next_page_uri"] != nil {
		t.Errorf("last page %s", got.body)
	}
}
