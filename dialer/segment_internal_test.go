package dialer

import (
	"testing"
)

// Ensure that a segment is AND across attributes and OR within one, and that
// who has no value is not in it.
func TestSegment_Matches(t *testing.T) {
	attributes := []Attribute{{Name: "age_band", Values: []string{"18-24", "65+"}}, {Name: "gender", Values: []string{"f", "m", "x"}}}
	for name, test := range map[string]struct {
		segment Segment
		values  []uint16
		want    bool
	}{
		"everybody":                {nil, []uint16{0, 0}, true},
		"the value":                {Segment{"age_band": {"65+"}}, []uint16{2, 0}, true},
		"another value":            {Segment{"age_band": {"65+"}}, []uint16{1, 0}, false},
		"no value":                 {Segment{"age_band": {"18-24", "65+"}}, []uint16{0, 1}, false},
		"one of two":               {Segment{"gender": {"f", "x"}}, []uint16{0, 3}, true},
		"both attributes":          {Segment{"age_band": {"65+"}, "gender": {"f"}}, []uint16{2, 1}, true},
		"one attribute of two":     {Segment{"age_band": {"65+"}, "gender": {"f"}}, []uint16{2, 2}, false},
		"a row of older columns":   {Segment{"gender": {"f"}}, []uint16{2}, false},
		"a row without any column": {Segment{"gender": {"f"}}, nil, false},
	} {
		m, faults := test.segment.compile(attributes)
		if len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
		}
		if got := m.matches(&Contact{Values: test.values}); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}
