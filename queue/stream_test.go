package queue

import "testing"

// Ensure that servers which may lose what they have acknowledged are refused, and those
// of which nobody can tell.
func TestCheckServer(t *testing.T) {
	t.Parallel()
	for version, taken := range map[string]bool{
		"2.12.5": true, "2.12.10": true, "2.13.0": true, "3.0.0": true, "2.16.0-RC.1": true,
		"2.12.4": false, "2.9.25": false, "1.4.1": false, "": false, "dev": false, "2.12": false,
	} {
		err := checkServer(version)
		if taken != (err == nil) {
			t.Errorf("%q: %v", version, err)
		}
		if err != nil && (CodeOf(err) != CodeConflict || HintOf(err) == "") {
			t.Errorf("%q: %v has no hint, or another code", version, err)
		}
	}
}
