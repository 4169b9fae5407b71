package consent_test

import (
	"strings"
	"testing"

	"github.com/hustings/hustings/consent"
)

// FuzzParseSlot ensures that hours are read as they are written, lie within one
// day and end after they begin.
func FuzzParseSlot(f *testing.F) {
	for _, text := range []string{"", "18:00-20:00", "00:00-24:00", "20:00-18:00", "24:00-24:30", "9:00-10:00", "18:00-", "18:00-20:00-22:00", "1８:00-20:00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		slot, err := consent.ParseSlot(text)
		if err != nil {
			if !slot.IsZero() {
				t.Errorf("%q is refused and read as %s", text, slot)
			}
			return
		}
		if slot.String() != text {
			t.Errorf("%q is written back as %q", text, slot)
		}
		if text != "" && (slot.Start < 0 || slot.End <= slot.Start || slot.End > 24*3600 || slot.Start%60 != 0 || slot.End%60 != 0) {
			t.Errorf("%q is %d to %d", text, slot.Start, slot.End)
		}
	})
}

// FuzzParseReason ensures that reasons, elements and bases are read only from
// their own names.
func FuzzParseReason(f *testing.F) {
	for _, text := range []string{"", "OK", "OPTED_OUT", "CALLING_WINDOW", "identity", "consent", "opted_out", "\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if reason, err := consent.ParseReason(text); err == nil && reason.String() != text {
			t.Errorf("reason %q is read as %s", text, reason)
		}
		var basis consent.Basis
		if err := basis.UnmarshalText([]byte(text)); err == nil && basis.String() != text {
			t.Errorf("basis %q is read as %s", text, basis)
		}
		if _, err := consent.ParseElements([]string{text}); err != nil && strings.TrimSpace(err.Error()) == "" {
			t.Error("a refusal says nothing")
		}
	})
}
