package cases

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
)

// Case is one line of a case file.
type Case struct {
	ID        string    `json:"id"`
	Pack      string    `json:"pack"`
	Channel   string    `json:"channel"`
	Recipient recipient `json:"recipient"`
	At        time.Time `json:"at"`
	Consent   record    `json:"consent"`
	History   history   `json:"history"`
	Campaign  campaign  `json:"campaign"`
	Expect    Expect    `json:"expect"`
	// Source names the rules that the case is about.
	Source string `json:"source"`
}

// Expect is what the answer must be. Rule and Until are looked at only where
// they are given.
type Expect struct {
	Decision string    `json:"decision"`
	Reason   string    `json:"reason"`
	Rule     string    `json:"rule,omitempty"`
	Until    time.Time `json:"until,omitzero"`
}

type recipient struct {
	Number    string `json:"number"`
	Territory string `json:"territory,omitempty"`
	Zone      string `json:"tz,omitempty"`
	BirthYear int    `json:"birth_year,omitempty"`
}

type record struct {
	Basis       string     `json:"basis,omitempty"`
	LIARef      string     `json:"lia_ref,omitempty"`
	Grants      []grant    `json:"grants,omitempty"`
	Withdrawals []takeBack `json:"withdrawals,omitempty"`
	Objections  []takeBack `json:"objections,omitempty"`
	Erased      bool       `json:"erased,omitempty"`
	Review      bool       `json:"review,omitempty"`
}

type grant struct {
	Channel       string    `json:"channel"`
	Party         string    `json:"party"`
	Purpose       string    `json:"purpose"`
	GivenAt       time.Time `json:"given_at"`
	CollectedFrom string    `json:"collected_from"`
	Explicit      bool      `json:"explicit"`
	Window        string    `json:"window,omitempty"`
}

// takeBack is a withdrawal or an objection; "*" stands for every channel or
// party.
type takeBack struct {
	Channel string    `json:"channel"`
	Party   string    `json:"party"`
	At      time.Time `json:"at"`
}

type history struct {
	Lists  map[string]listEntry `json:"lists,omitempty"`
	Lookup struct {
		LineType string `json:"line_type"`
	} `json:"lookup,omitzero"`
	Attempts          []attempt `json:"attempts,omitempty"`
	Refusals          []refusal `json:"refusals,omitempty"`
	Locks             []lock    `json:"locks,omitempty"`
	OptOutAt          time.Time `json:"optout_at,omitzero"`
	ConfirmationsSent int       `json:"confirmations_sent,omitempty"`
	AbandonedAt       time.Time `json:"abandoned_at,omitzero"`
	ClaimedBy         string    `json:"claimed_by,omitempty"`
	InFlight          bool      `json:"in_flight,omitempty"`
}

type listEntry struct {
	FileAt time.Time `json:"file_at,omitzero"`
	Hit    bool      `json:"hit,omitempty"`
	Answer string    `json:"answer,omitempty"`
	Since  time.Time `json:"since,omitzero"`
}

type attempt struct {
	Channel string    `json:"channel"`
	Party   string    `json:"party"`
	At      time.Time `json:"at"`
}

type refusal struct {
	Party string    `json:"party"`
	At    time.Time `json:"at"`
}

type lock struct {
	Party string    `json:"party"`
	Until time.Time `json:"until"`
}

type campaign struct {
	Party    string `json:"party"`
	Election struct {
		ID         string `json:"id"`
		Kind       string `json:"kind"`
		PollingDay string `json:"polling_day"`
	} `json:"election"`
	CallerID string `json:"caller_id,omitempty"`
	Message  struct {
		Elements []string `json:"elements,omitempty"`
		Kind     string   `json:"kind,omitempty"`
		Body     string   `json:"body,omitempty"`
	} `json:"message"`
	Targeting struct {
		Attributes []string `json:"attributes"`
	} `json:"targeting"`
	Sponsor struct {
		EUEligible bool `json:"eu_eligible"`
	} `json:"sponsor,omitzero"`
	Registrations struct {
		TCRUseCase     string `json:"tcr_use_case,omitempty"`
		CampaignVerify bool   `json:"campaign_verify,omitempty"`
		VCR            bool   `json:"vcr,omitempty"`
		// SenderName is false where the carrier's register is known not to have
		// the sender's name.
		SenderName *bool `json:"sender_name,omitempty"`
	} `json:"registrations,omitzero"`
	Stats struct {
		AnsweredLive int `json:"answered_live"`
		Abandoned    int `json:"abandoned"`
	} `json:"stats,omitzero"`
	FirstCallAt time.Time `json:"first_call_at,omitzero"`
	PackValidTo time.Time `json:"pack_valid_to,omitzero"`
	Audience    string    `json:"audience,omitempty"`
	// Margin is Campaign.Margin of package consent, as Go writes a duration.
	Margin string `json:"margin,omitempty"`
}

// maxLine bounds one case, in bytes.
const maxLine = 64 << 10

// Read yields the cases of a file, one a line; empty lines are skipped. A line
// that cannot be read is yielded as an error that names it, and reading goes
// on with the next.
func Read(r io.Reader) iter.Seq2[*Case, error] {
	return func(yield func(*Case, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 0, maxLine), maxLine)
		number := 0
		for lines.Scan() {
			number++
			line := bytes.TrimSpace(lines.Bytes())
			if len(line) == 0 {
				continue
			}
			c, err := parse(line)
			if err != nil {
				err = fmt.Errorf("line %d: %w", number, err)
			}
			if !yield(c, err) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(nil, fmt.Errorf("line %d: %w", number+1, err))
		}
	}
}

func parse(line []byte) (*Case, error) {
	if err := onceEach(json.NewDecoder(bytes.NewReader(line)), ""); err != nil {
		return nil, fmt.Errorf("read case: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	c := new(Case)
	if err := decoder.Decode(c); err != nil {
		return nil, fmt.Errorf("read case: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("case %s: more follows after it on the line", c.ID)
	}
	switch {
	case c.ID == "":
		return nil, fmt.Errorf("read case: id: is missing")
	case c.At.IsZero():
		return nil, fmt.Errorf("case %s: at: is missing", c.ID)
	}
	return c, nil
}

// onceEach refuses an object in which a name stands twice, in whatever case: the
// decoder would take the last, and others might have read the first.
func onceEach(decoder *json.Decoder, path string) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	if token == json.Delim('[') {
		for i := 0; decoder.More(); i++ {
			if err := onceEach(decoder, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		_, err = decoder.Token()
		return err
	}
	if token != json.Delim('{') {
		return nil
	}
	seen := make(map[string]bool)
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		name := fmt.Sprint(token)
		field := strings.TrimPrefix(path+"."+name, ".")
		folded := strings.ToLower(name)
		if seen[folded] {
			return fmt.Errorf("%s: stands there twice", field)
		}
		if path != "history.lists" && folded != name {
			return fmt.Errorf("%s: fields are written in lower case", field)
		}
		seen[folded] = true
		if err := onceEach(decoder, field); err != nil {
			return err
		}
	}
	_, err = decoder.Token()
	return err
}
