package consent_test

import (
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// Ensure that a grant wears out where a rule says so, just when decisions stop
// counting it.
func TestPack_GrantWearsOut(t *testing.T) {
	t.Parallel()
	given := time.Date(2024, 2, 29, 10, 0, 0, 0, time.UTC)
	at, wears := shipped(t)["FR"].GrantWearsOut(contact.SMS, given)
	if want := given.AddDate(3, 0, 0); !wears || !at.Equal(want) {
		t.Errorf("FR: %s, %v, want %s", at, wears, want)
	}
	for _, pack := range []string{"US", "UK"} {
		if at, wears := shipped(t)[pack].GrantWearsOut(contact.SMS, given); wears {
			t.Errorf("%s: consent wears out at %s", pack, at)
		}
	}
	if _, wears := shipped(t)["FR"].GrantWearsOut(contact.Channel(200), given); wears {
		t.Error("consent for no channel wears out")
	}
}
