package dialer_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// smallRegistry is a registry of one party, sender and election.
func smallRegistry() *dialer.Registry {
	return &dialer.Registry{
		Parties: []dialer.Party{{ID: "party-a"}, {ID: "party-b"}},
		Senders: []dialer.Sender{{ID: "TILLEULS", Parties: []string{"party-a"}, Channels: []contact.Channel{contact.SMS}, SegmentsPerSecond: 10}},
		Elections: []dialer.Election{{ID: "FR-PRES-2027", Kind: "presidential", Rounds: []dialer.Round{
			{ID: "R1", PollingDay: time.Date(2027, 4, 18, 0, 0, 0, 0, time.UTC)},
		}}},
		Tariff:     dialer.Tariff{Segment: dialer.Unit / 10},
		Trial:      dialer.TrialTerms{Recipients: 20},
		Attributes: []dialer.Attribute{{Name: "age_band", Values: []string{"18-24", "65+"}}, {Name: "gender", Values: []string{"f", "m", "x"}}},
	}
}

// goodJob has nothing wrong with it.
func goodJob() *dialer.Job {
	return &dialer.Job{
		ID: "seniors", Party: "party-a", Round: "R1", Purpose: consent.Political, Channel: contact.SMS, Size: 500,
		Message:  dialer.JobMessage{Body: "Bonjour. STOP au 36111", Elements: map[string]string{"opt_out_means": "STOP au 36111"}},
		Sender:   "TILLEULS",
		Schedule: dialer.JobSchedule{Start: tuesday, End: tuesday.Add(time.Hour)},
		Budget:   250 * dialer.Unit,
	}
}

// Ensure that each fault of a job is found and names its field, and that a good
// one has none.
func TestJob_Validate(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*dialer.Job)
		fields []string
	}{
		"good":                {func(*dialer.Job) {}, nil},
		"a good segment":      {func(j *dialer.Job) { j.Segment = dialer.Segment{"age_band": {"65+"}, "gender": {"f", "x"}} }, nil},
		"a good retry":        {func(j *dialer.Job) { j.Retry = retry(2, time.Hour, "undelivered", "failed") }, nil},
		"no id":               {func(j *dialer.Job) { j.ID = "" }, []string{"id"}},
		"an id of a subject":  {func(j *dialer.Job) { j.ID = "a.b" }, []string{"id"}},
		"an id in capitals":   {func(j *dialer.Job) { j.ID = "Seniors" }, []string{"id"}},
		"a long id":           {func(j *dialer.Job) { j.ID = strings.Repeat("a", 64) }, []string{"id"}},
		"a party unknown":     {func(j *dialer.Job) { j.Party = "party-z" }, []string{"party", "sender"}},
		"another's sender":    {func(j *dialer.Job) { j.Party = "party-b" }, []string{"sender"}},
		"a sender unknown":    {func(j *dialer.Job) { j.Sender = "PHARES" }, []string{"sender"}},
		"a round unknown":     {func(j *dialer.Job) { j.Round = "R3" }, []string{"round"}},
		"another purpose":     {func(j *dialer.Job) { j.Purpose = "sales" }, []string{"purpose"}},
		"calls":               {func(j *dialer.Job) { j.Channel = contact.LiveCall }, []string{"channel", "sender"}},
		"too few":             {func(j *dialer.Job) { j.Size = 499 }, []string{"size"}},
		"fewer than none":     {func(j *dialer.Job) { j.Size = -1 }, []string{"size"}},
		"no budget":           {func(j *dialer.Job) { j.Budget = 0 }, []string{"budget"}},
		"a budget of nothing": {func(j *dialer.Job) { j.Budget = dialer.Unit/10 - 1 }, []string{"budget"}},
		"no body":             {func(j *dialer.Job) { j.Message.Body = " \n" }, []string{"message.body"}},
		"good variants":       {variants(variant("a", "Bonjour. STOP au 36111"), variant("b", "Salut. STOP au 36111")), nil},
		"one variant":         {variants(variant("a", "Bonjour. STOP au 36111")), []string{"message.variants"}},
		"nine variants":       {manyVariants(9), []string{"message.variants"}},
		"a name with a blank": {variants(variant("a b", "Bonjour. STOP au 36111"), variant("", "Salut. STOP au 36111")), []string{"message.variants[0].name", "message.variants[1].name"}},
		"two of one name":     {variants(variant("a", "Bonjour. STOP au 36111"), variant("a", "Salut. STOP au 36111")), []string{"message.variants[1].name"}},
		"two of one body":     {variants(variant("a", "Bonjour. STOP au 36111"), variant("b", "Bonjour. STOP au 36111")), []string{"message.variants[1].body"}},
		"a variant, no STOP":  {variants(variant("a", "Bonjour. STOP au 36111"), variant("b", "Salut.")), []string{"message.elements.opt_out_means"}},
		"a variant, no body":  {variants(variant("a", "Bonjour. STOP au 36111"), variant("b", " ")), []string{"message.variants[1].body"}},
		"a long variant":      {variants(variant("a", "Bonjour. STOP au 36111"), variant("b", "STOP au 36111"+strings.Repeat("a", 7*153))), []string{"message.variants[1].body"}},
		"a body beside": {func(j *dialer.Job) {
			j.Message.Variants = []dialer.JobVariant{variant("a", "Bonjour. STOP au 36111"), variant("b", "Salut. STOP au 36111")}
		}, []string{"message.body"}},
		"a long body":         {func(j *dialer.Job) { j.Message.Body += strings.Repeat("a", 7*153) }, []string{"message.body"}},
		"an element unknown":  {func(j *dialer.Job) { j.Message.Elements["weather"] = "Bonjour" }, []string{"message.elements.weather"}},
		"an element not said": {func(j *dialer.Job) { j.Message.Elements["identity"] = "Tilleuls" }, []string{"message.elements.identity"}},
		"an element empty":    {func(j *dialer.Job) { j.Message.Elements["identity"] = "" }, []string{"message.elements.identity"}},
		"no end":              {func(j *dialer.Job) { j.Schedule.End = time.Time{} }, []string{"schedule.end"}},
		"end before start":    {func(j *dialer.Job) { j.Schedule.End = j.Schedule.Start }, []string{"schedule.end"}},
		"no patience":         {func(j *dialer.Job) { j.Retry = retry(1, 0, "failed") }, []string{"retry.after"}},
		"too many steps":      {func(j *dialer.Job) { j.Retry = retry(11, time.Hour) }, []string{"retry.maximum"}},
		"steps below none":    {func(j *dialer.Job) { j.Retry = retry(-1, time.Hour) }, []string{"retry.maximum"}},
		"after unknown":       {func(j *dialer.Job) { j.Retry = retry(1, time.Hour, "failed", "unknown") }, []string{"retry.on[1]"}},
		"after delivered":     {func(j *dialer.Job) { j.Retry = retry(1, time.Hour, "delivered") }, []string{"retry.on[0]"}},
		"after nothing":       {func(j *dialer.Job) { j.Retry = retry(1, time.Hour, "none") }, []string{"retry.on[0]"}},
		"by income":           {func(j *dialer.Job) { j.Segment = dialer.Segment{"income": {"high"}} }, []string{"segment.income"}},
		"by no value":         {func(j *dialer.Job) { j.Segment = dialer.Segment{"gender": {}} }, []string{"segment.gender"}},
		"by another value":    {func(j *dialer.Job) { j.Segment = dialer.Segment{"gender": {"f", "d"}} }, []string{"segment.gender[1]"}},
		"all at once":         {func(j *dialer.Job) { *j = dialer.Job{} }, []string{"id", "party", "round", "purpose", "channel", "size", "budget", "message.body", "sender", "schedule.end"}},
	} {
		job := goodJob()
		test.change(job)
		var fields []string
		for _, fault := range job.Validate(smallRegistry()) {
			fields = append(fields, fault.Field)
			if fault.Reason == "" {
				t.Errorf("%s: %s has no reason", name, fault.Field)
			}
		}
		if diff := cmp.Diff(test.fields, fields); diff != "" {
			t.Errorf("%s: fields at fault (-want +got):\n%s", name, diff)
		}
	}
}

func variant(name, body string) dialer.JobVariant { return dialer.JobVariant{Name: name, Body: body} }

func variants(list ...dialer.JobVariant) func(*dialer.Job) {
	return func(j *dialer.Job) { j.Message.Body, j.Message.Variants = "", list }
}

func manyVariants(n int) func(*dialer.Job) {
	var list []dialer.JobVariant
	for i := range n {
		list = append(list, variant(fmt.Sprint("v", i), fmt.Sprint("STOP au 36111 ", i)))
	}
	return variants(list...)
}

func retry(maximum int, after time.Duration, on ...string) dialer.JobRetry {
	return dialer.JobRetry{Maximum: maximum, After: dialer.Duration(after), On: on}
}

// Ensure that a job which cannot be read is refused with the field and the
// place.
func TestParseJob_Faults(t *testing.T) {
	for name, test := range map[string]struct {
		data         string
		field, place string
		reason       string
	}{
		"nothing":            {"", "", "1:1", "too early"},
		"half a job":         {"{\"id\": \"a\",", "", "1:11", "too early"},
		"no JSON":            {"{\n  \"id\": nil}", "", "2:10", "not JSON"},
		"a list":             {"[]", "", "1:1", "array"},
		"another kind":       {"{\n  \"id\": \"a\",\n  \"size\": \"many\"\n}", "size", "3:16", "a string stands where a int"},
		"an unknown field":   {"{\n  \"id\": \"a\",\n  \"limit\": 5\n}", "limit", "3:3", "unknown field"},
		"a field within":     {"{\"message\": {\"text\": \"a\"}}", "text", "1:14", "unknown field"},
		"an amount":          {"{\n  \"budget\": \"much\"\n}", "budget", "2:3", "amount \"much\""},
		"a channel":          {"{\n  \"channel\": \"fax\"\n}", "channel", "2:3", "fax"},
		"a duration":         {"{\n  \"retry\": {\n    \"after\": \"24\"}}", "retry.after", "3:5", "duration \"24\""},
		"a start":            {"{\n  \"schedule\": {\n    \"start\": \"soon\"}}", "schedule.start", "3:5", "soon"},
		"an end":             {"{\n  \"schedule\": {\"start\": \"2027-03-09T10:00:00+01:00\",\n    \"end\": \"2027-02-30T10:00:00Z\"}}", "schedule.end", "3:5", "out of range"},
		"two jobs":           {"{\"id\": \"a\"}\n{\"id\": \"b\"}", "", "2:1", "more follows"},
		"more than is read":  {`{"id": "` + strings.Repeat("a", 65<<10) + `"}`, "", "", "at most are read"},
		"a field of a field": {"{\"schedule\": []}", "schedule", "1:14", "array"},
	} {
		job, faults := dialer.ParseJob([]byte(test.data))
		if job != nil || len(faults) != 1 {
			t.Errorf("%s: %+v, %v, want one fault", name, job, faults)
			continue
		}
		if f := faults[0]; f.Field != test.field || f.Place != test.place || !strings.Contains(f.Reason, test.reason) {
			t.Errorf("%s: %q at %q in %q, want %q at %q in %q", name, f.Reason, f.Place, f.Field, test.reason, test.place, test.field)
		}
	}
}

// Ensure that the same job has the same hash however it is written, and another
// one another.
func TestJob_Hash(t *testing.T) {
	data, err := json.Marshal(goodJob())
	if err != nil {
		t.Fatal(err)
	}
	same := strings.Replace(string(data), `"budget":"250.00"`, "\n \"budget\": 250", 1)
	read, faults := dialer.ParseJob([]byte(same))
	if len(faults) > 0 || same == string(data) || read.Hash() != goodJob().Hash() {
		t.Errorf("the same job: %v", faults)
	}
	other := goodJob()
	other.Message.Body += "!"
	if other.Hash() == goodJob().Hash() {
		t.Error("another text has the same hash")
	}
}

// FuzzParseJob ensures that whatever is handed in as a job is read or refused,
// that a job which is read can be judged and hashed, and that it reads the same
// when it is written.
func FuzzParseJob(f *testing.F) {
	data, err := json.Marshal(goodJob())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for _, text := range []string{"", "{}", "null", "[]", `{"budget": 1e9}`, `{"budget":".5"}`, `{"schedule":{"end":"2027-04-16T20:00:00+02:00"}}`, "{\"segment\":{\"a\":null}}"} {
		f.Add([]byte(text))
	}
	registry := smallRegistry()
	f.Fuzz(func(t *testing.T, data []byte) {
		job, faults := dialer.ParseJob(data)
		if (job == nil) != (len(faults) > 0) {
			t.Fatalf("job %+v with faults %v", job, faults)
		}
		for _, fault := range faults {
			if fault.Reason == "" || fault.String() == "" {
				t.Errorf("fault %+v says nothing", fault)
			}
		}
		if job == nil {
			return
		}
		job.Validate(registry)
		written, err := json.Marshal(job)
		if err != nil {
			t.Fatalf("a job that was read cannot be written: %v", err)
		}
		again, faults := dialer.ParseJob(written)
		if len(written) > 60<<10 {
			return // escapes have made it longer than what is read
		}
		if len(faults) > 0 || again.Hash() != job.Hash() {
			t.Errorf("%s was written as %s, which reads as %v with %v", data, written, again, faults)
		}
	})
}
