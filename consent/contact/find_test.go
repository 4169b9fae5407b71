package contact_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// Ensure that a free number is found however people write it, and that nothing
// else in a text is taken for one.
func TestFindTollFree(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, region string
		want         bool
	}{
		{"Appelez le 0800 000 000", "FR", true},
		{"0 800 00 00 00 (gratuit)", "FR", true},
		{"0.805.00.00.00", "FR", true},
		{"0800-000-000", "FR", true},
		{"0800\u00a0000\u202f000", "FR", true}, // spaces as printers set them
		{"08 00 00 00 00, de 9 h à 18 h", "FR", true},
		{"tel:+33800000000", "FR", true},
		{"+33 (0)800 000 000", "FR", true},
		{"0033 800 000 000", "FR", true},
		{"０８００ ０００ ０００", "FR", true},
		{"0800\u200b000\u200b000", "FR", true},
		{"le 18 avril, 0800 000 000", "FR", true},
		{"2027 0800 000 000 2027", "FR", true}, // beside other figures
		{"+1 888 555 0100", "FR", true},        // another country's
		{"1-888-555-0100", "US", true},
		{"00 800 0000 0000", "FR", true}, // free in many countries
		{"Freephone 0808 157 0192", "GB", true},

		{"STOP au 36111", "FR", false},
		{"Appelez le 01 99 00 12 34", "FR", false},
		{"+33 6 39 98 00 01", "FR", false},
		{"0 825 000 000", "FR", false}, // shared cost
		{"0899 000 000", "FR", false},  // dear
		{"10 000 800 123", "FR", false},
		{"18.04.2027, 02.05.2027", "FR", false},
		{"800 000 000 euros", "FR", false},
		{"0800 voix, 000 000 bulletins", "FR", false},
		{"https://ex.example/0800", "FR", false},
		{"", "FR", false},
	} {
		if got := contact.FindTollFree(c.text, c.region); got != c.want {
			t.Errorf("%q in %s: %t", c.text, c.region, got)
		}
	}
}

// Ensure that no text takes long to search.
func TestFindTollFree_Bounded(t *testing.T) {
	t.Parallel()
	began := time.Now()
	contact.FindTollFree(strings.Repeat("1 ", 2000), "FR")
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}

// FuzzFindTollFree ensures that no text makes the search panic, and that a free
// number is found in it whatever stands around.
func FuzzFindTollFree(f *testing.F) {
	for _, seed := range []string{"", "0800 000 000", "+", "+33", "1 2 3 4 5", "\xff", "０"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		if len(before)+len(after) > 400 {
			return
		}
		contact.FindTollFree(before, "FR")
		if !contact.FindTollFree(before+" x 0800 000 000 x "+after, "FR") {
			t.Errorf("not found between %q and %q", before, after)
		}
	})
}
