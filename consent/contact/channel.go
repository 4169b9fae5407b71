package contact

import "fmt"

// Channel is a way to reach a contact.
type Channel uint8

// The channels. Each names what the person experiences, since that is what the
// law looks at: a prerecorded voice is a robocall whoever started it.
const (
	AnyChannel Channel = iota
	SMS
	LiveCall
	PredictiveCall
	Robocall
	AIVoice
)

var channelNames = [...]string{
	AnyChannel: "any", SMS: "sms", LiveCall: "live_call", PredictiveCall: "predictive_call",
	Robocall: "robocall", AIVoice: "ai_voice",
}

// String returns the channel's name as jobs, packs and grants write it.
func (c Channel) String() string {
	if int(c) < len(channelNames) {
		return channelNames[c]
	}
	return fmt.Sprintf("channel %d", uint8(c))
}

// IsVoice tells whether the contact's phone rings.
func (c Channel) IsVoice() bool { return c >= LiveCall && c <= AIVoice }

// ParseChannel reads a channel's name; "any" stands for all of them.
func ParseChannel(name string) (Channel, error) {
	for c, n := range channelNames {
		if n == name {
			return Channel(c), nil
		}
	}
	return AnyChannel, fmt.Errorf("channel %q is not known: want one of sms, live_call, predictive_call, robocall, ai_voice", name)
}

// MarshalText writes the channel's name.
func (c Channel) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the channel's name.
func (c *Channel) UnmarshalText(text []byte) error {
	parsed, err := ParseChannel(string(text))
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}
