package consent

// PackFile is a pack as its YAML file writes it. Everything is text here;
// NewPack understands it, and says which rule and field is wrong where it
// cannot.
type PackFile struct {
	// Pack is the code by which campaigns choose it, such as "FR".
	Pack string `yaml:"pack" json:"pack"`
	// Title says in words what the pack is.
	Title string `yaml:"title" json:"title"`
	// Version is the date of the state of law that the pack holds.
	Version string `yaml:"version" json:"version"`
	// Extends is the code of the pack whose rules come on top of these.
	Extends string `yaml:"extends,omitempty" json:"extends,omitempty"`
	// Overlay marks a pack that may only make the one it extends stricter.
	Overlay bool `yaml:"overlay,omitempty" json:"overlay,omitempty"`
	// Territories limits an overlay to contacts who are registered there; it
	// then becomes part of the pack that it extends. Codes or numbering
	// regions, as package contact has them.
	Territories []string `yaml:"territories,omitempty" json:"territories,omitempty"`
	// Abstract marks a pack that is there to be extended and that no campaign
	// may choose.
	Abstract bool `yaml:"abstract,omitempty" json:"abstract,omitempty"`
	// Zone is the time zone in which dates that concern the campaign as a
	// whole are counted.
	Zone string `yaml:"zone,omitempty" json:"zone,omitempty"`
	// ValidFrom and ValidTo bound the pack's life: the first day on which it
	// holds and the first on which it does not (E9).
	ValidFrom string `yaml:"valid_from" json:"valid_from"`
	ValidTo   string `yaml:"valid_to" json:"valid_to"`
	// Polls is the calendar of polls.
	Polls []PollFile `yaml:"polls,omitempty" json:"polls,omitempty"`
	// Speech is what calls say; without it that of the pack which this one
	// extends holds.
	Speech *Speech    `yaml:"speech,omitempty" json:"speech,omitempty"`
	Rules  []RuleFile `yaml:"rules" json:"rules"`
}

// PollFile is one poll of a pack's calendar.
type PollFile struct {
	ID   string `yaml:"id" json:"id"`
	Kind string `yaml:"kind" json:"kind"`
	// Date is the polling day, such as 2027-04-18.
	Date   string `yaml:"date" json:"date"`
	Source string `yaml:"source" json:"source"`
}

// RuleFile is one rule as a pack writes it.
type RuleFile struct {
	// ID is the rule's name for ever, such as "FR-S1".
	ID string `yaml:"id" json:"id"`
	// Kind says which check the rule belongs to; see kinds.go.
	Kind string `yaml:"kind" json:"kind"`
	// Force says who stands behind the rule: law, regulator, carrier or house.
	// A house rule is our own choice and is never shown as law.
	Force string `yaml:"force" json:"force"`
	// Channels are those that the rule governs; none means all.
	Channels []string `yaml:"channels,omitempty" json:"channels,omitempty"`
	// Params are the kind's own; unknown ones are refused.
	Params map[string]any `yaml:"params,omitempty" json:"params,omitempty"`
	// Replaces lists house rules of the extended pack that this one stands
	// instead of. An overlay may not replace anything.
	Replaces []string `yaml:"replaces,omitempty" json:"replaces,omitempty"`
	// ValidFrom and ValidTo bound the rule's life, as the pack's own do.
	ValidFrom string `yaml:"valid_from,omitempty" json:"valid_from,omitempty"`
	ValidTo   string `yaml:"valid_to,omitempty" json:"valid_to,omitempty"`
	// Source is where the rule comes from: a link, or a note that says whose
	// choice it is.
	Source string `yaml:"source" json:"source"`
}
