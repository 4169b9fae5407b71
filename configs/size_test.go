package configs

import "testing"

// Ensure that sizes are read with their unit, and nothing that could be meant
// otherwise.
func TestSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Size{
		"0": 0, "1KiB": 1 << 10, "256MiB": 256 << 20, "4 GiB": 4 << 30, "2TiB": 2 << 40, "0MiB": 0,
	} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q: got %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "256", "256MB", "256mib", "-1MiB", "1.5GiB", "MiB", "99999999999TiB", "1  KiB"} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: read as %d", text, got)
		}
	}
	for size, want := range map[Size]string{
		0: "0 bytes", 1023: "1023 bytes", 1 << 10: "1 KiB", 256 * MiB: "256 MiB", 320*MiB + MiB/2: "320.5 MiB", 1<<40 + 1: "1 TiB",
	} {
		if got := size.String(); got != want {
			t.Errorf("%d: got %q, want %q", size, got, want)
		}
	}
}
