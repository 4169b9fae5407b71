package consent

import "time"

// ListContent is what an outside list says of those who stand on it.
type ListContent uint8

// The contents.
const (
	// ListOfPeople: people who must not be reached (the TPS).
	ListOfPeople ListContent = iota
	// ListOfObjections: people who said no, to somebody who took it for us (a
	// short code's STOP feed). Each of its rows is an objection like any other.
	ListOfObjections
	// ListOfAnswers: what a reassigned numbers database has answered.
	ListOfAnswers
)

var listContentNames = [...]string{ListOfPeople: "people", ListOfObjections: "objections", ListOfAnswers: "answers"}

// String returns the content's name.
func (c ListContent) String() string { return listContentNames[c] }

// MarshalText writes the content's name.
func (c ListContent) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the content's name.
func (c *ListContent) UnmarshalText(text []byte) error {
	return readName(c, listContentNames[:], "content", text)
}

// List is a list that one of the pack's rules asks for, or says that it does
// not ask for.
type List struct {
	// Name is the list's, such as "TPS".
	Name string
	Rule Rule
	// Holds is what its rows say.
	Holds ListContent
	// Applied is false for a list that does not bind political calls: people ask
	// about it, and the rule's source says why.
	Applied bool
	// MaxAge is how old the list may be. An older one answers nothing, and
	// everybody whom the rule governs waits. It is 0 where the age does not
	// count.
	MaxAge time.Duration
	// UnlessGrant skips the list for contacts whose grant allows the call.
	UnlessGrant bool
}

// Lists returns the lists that the pack's rules name, in the order of the
// rules. A list that two rules name comes twice.
func (p *Pack) Lists() []List {
	var lists []List
	for _, r := range p.rules {
		switch r.Kind {
		case "suppression_list":
			var params suppressionListRule
			if decodeParams(r.Params, &params) == nil { // NewPack has read it before
				lists = append(lists, List{
					Name: params.Name, Rule: r, Holds: params.Holds, Applied: params.applied(),
					MaxAge: time.Duration(params.MaxAge), UnlessGrant: params.UnlessGrant,
				})
			}
		case "reassigned_numbers":
			var params reassignedNumbersRule
			if decodeParams(r.Params, &params) == nil {
				lists = append(lists, List{Name: params.Name, Rule: r, Holds: ListOfAnswers, Applied: true})
			}
		}
	}
	return lists
}
