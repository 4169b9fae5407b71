package configs

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// ReadCampaign reads a campaign file, in YAML or in JSON, as a job. It checks
// its shape only: whether there is such a party, sender, round or value, the
// daemon knows better. An error of type Faults lists everything that is wrong,
// each with its place.
func ReadCampaign(path string) (*dialer.Job, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	d, job := parseCampaign(path, data)
	if err := d.err(); err != nil {
		return nil, err
	}
	return job, nil
}

// PlaceFaults shows what the daemon found wrong with a campaign in the file that
// it was read from. A file that cannot be read any more leaves the faults
// without a place.
func PlaceFaults(path string, faults []dialer.Fault) Faults {
	d := &document{file: path, marks: map[string]mark{}}
	if data, err := readFile(path); err == nil {
		d = parseDocument(path, data, maxSettings)
		d.decode(new(dialer.Job))
		d.faults = nil
	}
	for _, f := range faults {
		d.fault(f.Field, f.Hint, "%s", f.Reason)
	}
	return d.faults
}

func parseCampaign(path string, data []byte) (*document, *dialer.Job) {
	d := parseDocument(path, data, maxSettings)
	job := new(dialer.Job)
	d.decode(job)
	if isJSON(path, data) {
		// JSON is read as the daemon reads it; what YAML makes of it is only
		// good for places.
		d.faults = nil
		job = d.parseJSON(data)
	}
	if job != nil && (len(d.faults) == 0 || d.root != nil) {
		checkCampaign(d, job)
	}
	return d, job
}

func isJSON(path string, data []byte) bool {
	return filepath.Ext(path) == ".json" || bytes.HasPrefix(bytes.TrimSpace(data), []byte("{"))
}

// parseJSON reads the job and records the daemon's own faults. It returns nil
// where there is no job.
func (d *document) parseJSON(data []byte) *dialer.Job {
	job, faults := dialer.ParseJob(data)
	for _, f := range faults {
		at, ok := readPlace(f.Place)
		if !ok {
			at = d.markFor(f.Field)
		}
		d.add(at, f.Field, f.Reason, f.Hint)
	}
	return job
}

func readPlace(text string) (mark, bool) {
	line, column, ok := strings.Cut(text, ":")
	fromLine, lineErr := strconv.Atoi(line)
	fromColumn, columnErr := strconv.Atoi(column)
	return mark{fromLine, fromColumn}, ok && lineErr == nil && columnErr == nil
}

var campaignPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// elementNames are the elements that rules can ask for.
var elementNames = consent.Elements(math.MaxUint16).Names()

// maxBody bounds a message in bytes: ten segments of an SMS and more.
const maxBody = 4 << 10

func checkCampaign(d *document, job *dialer.Job) {
	for _, required := range []struct {
		field   string
		missing bool
	}{
		{"id", job.ID == ""},
		{"party", job.Party == ""},
		{"round", job.Round == ""},
		{"purpose", job.Purpose == ""},
		{"channel", job.Channel == contact.AnyChannel && !d.has("channel")},
		{"size", job.Size == 0 && !d.has("size")},
		{"message.body", strings.TrimSpace(job.Message.Body) == "" && !d.has("message.variants")},
		{"message.elements", len(job.Message.Elements) == 0},
		{"call.opening", job.Call != nil && strings.TrimSpace(job.Call.Opening) == ""},
		{"sender", job.Sender == ""},
		{"schedule.end", job.Schedule.End.IsZero()},
		{"budget", job.Budget == 0 && !d.has("budget")},
	} {
		if required.missing {
			d.missing(required.field)
		}
	}
	if job.ID != "" && !campaignPattern.MatchString(job.ID) {
		d.fault("id", "lower-case letters, digits and dashes, such as party-a-seniors", "%q cannot be a campaign's id", job.ID)
	}
	if job.Channel == contact.AnyChannel && d.sound("channel") {
		d.fault("channel", "such as sms", "a campaign has one channel")
	}
	if job.Size <= 0 && !d.faulty("size") {
		d.fault("size", "how many contacts are ordered", "%d is not above 0", job.Size)
	}
	if job.Budget <= 0 && !d.faulty("budget") {
		d.fault("budget", "the most that the carrier may charge", "%v is not above 0", job.Budget)
	}
	for _, name := range sortedKeys(job.Segment) {
		d.notEmpty("segment."+name, len(job.Segment[name]))
	}
	checkMessage(d, job)
	if s := job.Schedule; !s.Start.IsZero() && !s.End.IsZero() && !s.Start.Before(s.End) {
		d.fault("schedule.end", "", "does not come after the start")
	}
	if job.Retry.Maximum < 0 {
		d.fault("retry.maximum", "0 is one try only", "%d is below 0", job.Retry.Maximum)
	}
}

// missing records that a field has no value, unless that has been told.
func (d *document) missing(field string) {
	for above := field; ; {
		if d.faulty(above) || d.meant[above] {
			return
		}
		cut := strings.LastIndexByte(above, '.')
		if cut < 0 {
			break
		}
		above = above[:cut]
	}
	reason := "is missing"
	if d.has(field) {
		reason = "is empty"
	}
	d.fault(field, "", "%s", reason)
}

// checkMessage holds the message to its word: an element that names a text
// which is not there would claim a duty fulfilled that is not.
func checkMessage(d *document, job *dialer.Job) {
	message := &job.Message
	if len(message.Variants) == 0 {
		checkBody(d, job, "message.body", message.Body)
		return
	}
	if message.Body != "" {
		d.fault("message.body", "make it one of them", "stands beside the variants")
	}
	for i, variant := range message.Variants {
		field := fmt.Sprintf("message.variants[%d]", i)
		if variant.Name == "" {
			d.missing(field + ".name")
		}
		if strings.TrimSpace(variant.Body) == "" {
			d.missing(field + ".body")
		}
		d.token(field+".name", variant.Name, campaignPattern, "lower-case letters, digits and dashes, such as short")
		checkBody(d, job, field+".body", variant.Body)
	}
}

func checkBody(d *document, job *dialer.Job, at, body string) {
	if len(body) > maxBody {
		d.fault(at, "", "the body has %d bytes, %d at most are sent", len(body), maxBody)
	}
	if strings.TrimSpace(body) == "" {
		return // told already
	}
	if job.Call != nil {
		body = job.Call.Opening + "\n" + body
	}
	for _, name := range sortedKeys(job.Message.Elements) {
		field, text := "message.elements."+name, job.Message.Elements[name]
		switch {
		case d.faulty(field):
		case !slices.Contains(elementNames, name):
			d.fault(field, suggest(name, elementNames), "no rule knows this element")
		case strings.TrimSpace(text) == "":
			d.fault(field, "quote the words of the body that fulfil it, or remove it", "is empty")
		case !strings.Contains(body, text):
			d.fault(field, occurrence(body, text), "this text does not occur in %s", theBody(at))
		}
	}
}

// theBody names a body by the field that holds it.
func theBody(field string) string {
	if field == "message.body" {
		return "the body"
	}
	return field
}

// occurrence hints at why a text that seems to be there is not found.
func occurrence(body, text string) string {
	if folded := fold(text); folded != "" && strings.Contains(fold(body), folded) {
		return fmt.Sprintf("%q stands there but for capitals, accents or spaces: quote it literally", text)
	}
	return "quote the words of the body that fulfil it, literally"
}
