package sandbox

import (
	"fmt"
	"time"
)

// The named mixes.
const (
	MixNone     = "none"
	MixStandard = "standard"
)

// Mix returns the faults of a named mix. It fails for a name that is not known.
func Mix(name string) (Faults, error) {
	switch name {
	case MixNone:
		return Faults{}, nil
	case MixStandard:
		return StandardMix(), nil
	}
	return Faults{}, fmt.Errorf("there is no mix %q of faults: %s or %s", masked(name), MixNone, MixStandard)
}

// StandardMix is the mix of faults that figures of reliability are quoted under;
// the package's documentation has it as a table. It is a value without a script:
// whoever changes their copy changes nobody else's.
func StandardMix() Faults {
	return Faults{
		Probability: map[Fault]float64{
			FaultHang: 0.005, FaultReset: 0.005, FaultError: 0.005, FaultTruncate: 0.005, FaultPage: 0.005, FaultNoSid: 0.005,
			FaultThrottle: 0.026, FaultRefuse: 0.0015, FaultDrop: 0.0015, FaultForbid: 0.001,
		},
		CallbackLost: 0.02, CallbackTwice: 0.05, CallbackLate: 0.10,
		CallbackShuffled: 0.05, CallbackEarly: 0.02, CallbackForged: 0.01,
		InboundLost: 0.10,
		ListLag:     20 * time.Second,
	}
}
