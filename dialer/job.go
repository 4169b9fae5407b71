package dialer

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// Job is an order as it travels over the queue: which party, which contacts,
// how many, what text, when and for how much. A campaign is what an accepted
// job becomes.
type Job struct {
	// ID names the campaign, unique for ever: lower-case letters, digits and
	// dashes.
	ID      string          `json:"id"`
	Party   string          `json:"party"`
	Round   string          `json:"round"`
	Purpose string          `json:"purpose"`
	Channel contact.Channel `json:"channel"`
	// Segment holds, for each attribute that selects, the values that do: AND
	// across attributes, OR within one. None means everybody.
	Segment Segment `json:"segment"`
	// Size is how many contacts the party orders.
	Size    int        `json:"size"`
	Message JobMessage `json:"message"`
	// Call is what a campaign of calls needs beside its message.
	Call     *JobCall    `json:"call,omitempty"`
	Sender   string      `json:"sender"`
	Schedule JobSchedule `json:"schedule"`
	// Budget is the most that the carrier may charge for the campaign.
	Budget Money    `json:"budget"`
	Retry  JobRetry `json:"retry,omitzero"`
	// Trial is how many recipients are dialled before an operator releases the
	// rest; the registry's number where it is left out.
	Trial *int `json:"trial,omitempty"`
	// Operator is who submitted the job.
	Operator string `json:"operator,omitempty"`
}

// JobMessage is the text and what in it fulfils which duty.
type JobMessage struct {
	// Body is the one text; Variants are several, in its place.
	Body     string       `json:"body,omitempty"`
	Variants []JobVariant `json:"variants,omitempty"`
	// Elements name the parts that rules ask for (identity, data_origin,
	// opt_out_means, ...) and the literal text that fulfils each, which must
	// occur in the body, and in that of every variant.
	Elements map[string]string `json:"elements"`
}

// JobSchedule is when the campaign may run, inside what the rules allow.
type JobSchedule struct {
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end"`
	// Daily are the parts of the day in which it may run, by the contacts' own
	// clocks; none means whenever the rules allow.
	Daily []DailySpan `json:"daily,omitempty"`
}

// Duration is a time.Duration that jobs write as "24h" or "90m".
type Duration time.Duration

// MarshalText writes the duration as Go does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads a duration as Go writes it.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("duration %q: want a number with a unit, such as 24h or 90m", text)
	}
	*d = Duration(parsed)
	return nil
}

// MarshalText writes the amount in whole units with decimals.
func (m Money) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalJSON reads an amount as a text or a number. A number is read from its
// own digits, never through a float.
func (m *Money) UnmarshalJSON(text []byte) error {
	return m.UnmarshalText(bytes.Trim(text, `"`))
}

// UnmarshalText reads an amount such as "250", "250.00" or "0.0451".
func (m *Money) UnmarshalText(text []byte) error {
	whole, rest, _ := strings.Cut(string(text), ".")
	var units, millionths int64
	if _, err := fmt.Sscanf(whole+" "+(rest + "000000")[:max(6, len(rest))], "%d %d", &units, &millionths); err != nil ||
		len(rest) > 6 || strings.Trim(whole+rest, "0123456789") != "" || len(whole) > 12 || whole == "" {
		return fmt.Errorf("amount %q: want a number with at most six decimals, such as 250.00", text)
	}
	*m = Money(units)*Unit + Money(millionths)
	return nil
}

// Hash identifies the job's content, whatever the spacing of its JSON: the
// same id with another hash is another job and is rejected.
func (j *Job) Hash() [sha256.Size]byte {
	text, err := json.Marshal(j)
	if err != nil {
		panic(fmt.Sprintf("marshal job: %v", err)) // only texts, numbers and instants
	}
	return sha256.Sum256(text)
}

// maxJobSize bounds what is read of a job, in bytes.
const maxJobSize = 64 << 10

// ParseJob reads a job from JSON. What it does not understand it refuses, with
// the place: a field that is unknown here may be a limit that somebody relies
// on.
func ParseJob(data []byte) (*Job, []Fault) {
	if len(data) > maxJobSize {
		return nil, []Fault{{Reason: fmt.Sprintf("the job has %d bytes, %d at most are read", len(data), maxJobSize)}}
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	job := new(Job)
	if err := decoder.Decode(job); err != nil {
		return nil, []Fault{jsonFault(data, decoder.InputOffset(), err)}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, []Fault{{Place: Place(data, decoder.InputOffset()), Reason: "more follows after the job"}}
	}
	return job, nil
}

// Fault is one thing that is wrong with a job.
type Fault struct {
	// Field is the path of the field, such as "message.body"; empty where the
	// job as a whole is at fault.
	Field string `json:"field,omitempty"`
	// Place is "line:column" in what was sent, where known.
	Place  string `json:"place,omitempty"`
	Reason string `json:"reason"`
	Hint   string `json:"hint,omitempty"`
}

// String prints the fault on one line.
func (f Fault) String() string {
	text := f.Reason
	if f.Field != "" {
		text = f.Field + ": " + text
	}
	if f.Place != "" {
		text = f.Place + ": " + text
	}
	if f.Hint != "" {
		text += " (" + f.Hint + ")"
	}
	return text
}

func jsonFault(data []byte, offset int64, err error) Fault {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return Fault{Place: Place(data, syntax.Offset), Reason: "not JSON: " + syntax.Error()}
	case errors.As(err, &kind):
		return Fault{
			Field: kind.Field, Place: Place(data, kind.Offset),
			Reason: fmt.Sprintf("a %s stands where a %s is wanted", kind.Value, kind.Type.Kind()),
		}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Fault{Place: Place(data, int64(len(data))), Reason: "not JSON: it ends too early"}
	}
	reason := strings.TrimPrefix(err.Error(), "json: ")
	if name, ok := strings.CutPrefix(reason, "unknown field "); ok {
		return Fault{
			Field: strings.Trim(name, `"`), Place: placeOf(data, name, offset), Reason: "unknown field",
			Hint: "see the schema: dialctl schema job",
		}
	}
	for _, own := range ownFields() {
		if err := json.NewDecoder(bytes.NewReader(data)).Decode(own.probe); err != nil {
			name := own.field[strings.LastIndexByte(own.field, '.')+1:]
			return Fault{Field: own.field, Place: placeOf(data, strconv.Quote(name), offset), Reason: err.Error()}
		}
	}
	return Fault{Place: Place(data, offset), Reason: reason}
}

// ownField is a field that reads itself, with a value that has no other: the
// decoder does not say which one it was that failed.
type ownField struct {
	field string
	probe any
}

func ownFields() []ownField {
	return []ownField{
		{"channel", &struct {
			Channel contact.Channel `json:"channel"`
		}{}},
		{"schedule.start", &struct {
			Schedule struct {
				Start time.Time `json:"start"`
			} `json:"schedule"`
		}{}},
		{"schedule.end", &struct {
			Schedule struct {
				End time.Time `json:"end"`
			} `json:"schedule"`
		}{}},
		{"schedule.daily", &struct {
			Schedule struct {
				Daily []DailySpan `json:"daily"`
			} `json:"schedule"`
		}{}},
		{"budget", &struct {
			Budget Money `json:"budget"`
		}{}},
		{"retry.after", &struct {
			Retry struct {
				After Duration `json:"after"`
			} `json:"retry"`
		}{}},
	}
}

// placeOf is where the text first stands in what was sent, or else the offset.
func placeOf(data []byte, text string, offset int64) string {
	if at := bytes.Index(data, []byte(text)); at >= 0 {
		offset = int64(at) + 1
	}
	return Place(data, offset)
}

// Place turns an offset in bytes into "line:column", both from 1.
func Place(data []byte, offset int64) string {
	before := string(data[:min(int(offset), len(data))])
	line := 1 + strings.Count(before, "\n")
	column := len(before) - strings.LastIndexByte(before, '\n') - 1
	return fmt.Sprintf("%d:%d", line, max(1, column))
}
