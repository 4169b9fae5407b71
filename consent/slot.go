package consent

import (
	"fmt"
	"strings"
)

// Slot is an hour slot of the local day, half-open: a contact who consents to
// calls from 18:00 to 20:00 may be called at 18:00 and not at 20:00. The zero
// Slot is none.
type Slot struct {
	// Start and End are seconds since local midnight.
	Start, End int32
}

const daySeconds = 24 * 60 * 60

// ParseSlot reads a slot such as "18:00-20:00"; "24:00" ends a day. An empty
// text is no slot.
func ParseSlot(text string) (Slot, error) {
	if text == "" {
		return Slot{}, nil
	}
	from, to, found := strings.Cut(text, "-")
	if !found {
		return Slot{}, fmt.Errorf("hours %q: want a form such as 18:00-20:00", text)
	}
	start, err := parseClock(from)
	if err != nil {
		return Slot{}, err
	}
	end, err := parseClock(to)
	if err != nil {
		return Slot{}, err
	}
	if end <= start {
		return Slot{}, fmt.Errorf("hours %q: the end must come after the start, on the same day", text)
	}
	return Slot{start, end}, nil
}

func parseClock(text string) (int32, error) {
	if len(text) != 5 || text[2] != ':' || !digits(text[:2]+text[3:]) {
		return 0, fmt.Errorf("time of day %q: want a form such as 09:30", text)
	}
	hour := int32(text[0]-'0')*10 + int32(text[1]-'0')
	minute := int32(text[3]-'0')*10 + int32(text[4]-'0')
	seconds := hour*3600 + minute*60
	if minute > 59 || seconds > daySeconds {
		return 0, fmt.Errorf("time of day %q: no such time", text)
	}
	return seconds, nil
}

// IsZero tells whether no slot was named.
func (s Slot) IsZero() bool { return s == Slot{} }

// String prints the slot as ParseSlot reads it.
func (s Slot) String() string {
	if s.IsZero() {
		return ""
	}
	return fmt.Sprintf("%02d:%02d-%02d:%02d", s.Start/3600, s.Start/60%60, s.End/3600, s.End/60%60)
}

// MarshalText writes the slot as ParseSlot reads it.
func (s Slot) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a slot as ParseSlot does.
func (s *Slot) UnmarshalText(text []byte) error {
	parsed, err := ParseSlot(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}
