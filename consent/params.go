package consent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// decodeParams reads a rule's parameters into the struct of its kind. By way
// of JSON, because its decoder refuses unknown fields and names them, whatever
// format the pack was written in.
func decodeParams(raw map[string]any, params any) error {
	if len(raw) == 0 {
		return nil
	}
	for name := range raw {
		// The decoder takes names in any case; a pack is written in one.
		if name != strings.ToLower(name) {
			return fmt.Errorf("params: %q: parameters are written in lower case", name)
		}
	}
	text, err := json.Marshal(raw)
	if err != nil {
		return fmt.Errorf("params: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var kind *json.UnmarshalTypeError
	switch err := decoder.Decode(params); {
	case errors.As(err, &kind):
		return fmt.Errorf("params: %s: found %s, want %s", kind.Field, kind.Value, kind.Type)
	case err != nil:
		reason := strings.Replace(strings.TrimPrefix(err.Error(), "json: "), "unknown field", "unknown parameter", 1)
		return fmt.Errorf("params: %s", reason)
	}
	return nil
}

// period is a length of time as packs write it: "72h", "5m", "28d".
type period time.Duration

func (p *period) UnmarshalText(text []byte) error {
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return fmt.Errorf("period %q: want a form such as 28d, 24h or 5m", text)
		}
		*p = period(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("period %q: want a form such as 28d, 24h or 5m", text)
	}
	*p = period(d)
	return nil
}

// The greatest numbers that a pack may name. What is longer is a slip of the
// pen, and would overflow.
const (
	mostYears  = 150
	mostMonths = 12 * mostYears
	mostDays   = 366 * mostYears
	mostTimes  = 1_000_000
)

func positive(field string, n, most int) error {
	switch {
	case n <= 0:
		return fmt.Errorf("%s: want a number greater than 0", field)
	case n > most:
		return fmt.Errorf("%s: want a number of at most %d", field, most)
	}
	return nil
}

// territories refuses a place that the table of territories does not have: a
// rule about a misspelt one would be about nowhere.
func territories(field string, codes []string) error {
	for i, code := range codes {
		if _, known := contact.FindTerritory(code); !known {
			return fmt.Errorf("%s[%d]: there is no territory %q", field, i, code)
		}
	}
	return nil
}

// electionKinds are the kinds of election that rules and calendars may name.
var electionKinds = [...]string{
	"presidential", "legislative", "european", "referendum",
	"municipal", "departmental", "regional", "territorial", "senatorial",
	"general", "federal", "provincial", "state", "local",
}

// ElectionKinds are the kinds of election that rules tell apart: in some, people
// overseas vote a day earlier.
func ElectionKinds() []string { return slices.Clone(electionKinds[:]) }

func elections(field string, kinds []string) error {
	for i, kind := range kinds {
		if !slices.Contains(electionKinds[:], kind) {
			return fmt.Errorf("%s[%d]: %q is no kind of election: want one of %s", field, i, kind, strings.Join(electionKinds[:], ", "))
		}
	}
	return nil
}

func filled[T any](field string, list []T) error {
	if len(list) == 0 {
		return fmt.Errorf("%s: is missing or empty", field)
	}
	return nil
}

// loadZone loads a time zone by its name; "Local" is no name, since a pack
// must mean the same on every machine.
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("want the name of a time zone, such as Europe/Paris")
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("zone %q is not known", name)
	}
	return zone, nil
}

// parseDate reads a date such as 2027-04-18, at midnight UTC.
func parseDate(text string) (time.Time, error) {
	date, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a date such as 2027-04-18", text)
	}
	return date, nil
}
