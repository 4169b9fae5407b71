package daemon

import "github.com/hustings/hustings/consent/contact"

// longestText is how much of a typed text is kept, in characters.
const longestText = 200

// withoutDigits masks what may be a phone number in a text that a person typed,
// and shortens it.
func withoutDigits(text string) string { return contact.WithoutDigits(text, longestText) }
