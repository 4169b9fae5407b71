package configs_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hustings/hustings/configs"
)

// Ensure that all settings in which two configurations differ are named, and no others.
func TestConfig_Changes(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*configs.Config)
		want   []string
	}{
		"nothing":    {func(*configs.Config) {}, nil},
		"a text":     {func(c *configs.Config) { c.Log.Level = "debug" }, []string{"log.level"}},
		"a time":     {func(c *configs.Config) { c.Carrier.Twilio.Timeout += time.Second }, []string{"carrier.twilio.timeout"}},
		"an instant": {func(c *configs.Config) { c.Carrier.Sandbox.Clock.Start = time.Unix(1, 0) }, []string{"carrier.sandbox.clock.start"}},
		"several": {func(c *configs.Config) {
			c.HTTP.Callbacks.Listen, c.Pacing.InFlight, c.RegistryFile = "127.0.0.1:1", 7, "other.yaml"
		}, []string{"http.callbacks.listen", "registry", "pacing.in_flight"}},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := configs.Defaults("/data"), configs.Defaults("/data")
			test.change(after)
			if got := before.Changes(after); !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
