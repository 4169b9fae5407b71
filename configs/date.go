package configs

import (
	"fmt"
	"time"
)

// date is a civil date, such as a polling day: no hour, no zone.
type date struct{ time.Time }

// UnmarshalText reads a date such as 2027-04-18, as midnight UTC.
func (d *date) UnmarshalText(text []byte) error {
	parsed, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return fmt.Errorf("%q is no date: want year-month-day, such as 2027-04-18", text)
	}
	d.Time = parsed
	return nil
}

// MarshalText writes the date as it is read.
func (d date) MarshalText() ([]byte, error) { return []byte(d.Format(time.DateOnly)), nil }
