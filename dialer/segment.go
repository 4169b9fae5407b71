package dialer

import (
	"fmt"
	"slices"
	"strings"
)

// Segment is a set of criteria: for each attribute, the values that are wanted.
// A contact matches if, for every attribute named, it has one of the values.
type Segment map[string][]string

// compile turns the segment into tables over the directory's attributes. Every
// attribute and value must be declared.
func (s Segment) compile(attributes []Attribute) (matcher, []Fault) {
	var m matcher
	var faults []Fault
	for _, name := range sortedKeys(s) {
		column := slices.IndexFunc(attributes, func(a Attribute) bool { return a.Name == name })
		if column < 0 {
			faults = append(faults, Fault{
				Field: "segment." + name, Reason: "this attribute is not declared in the directory",
				Hint: "declared: " + strings.Join(attributeNames(attributes), ", "),
			})
			continue
		}
		wanted, wrong := tableOf(name, s[name], attributes[column].Values)
		faults = append(faults, wrong...)
		m = append(m, Criterion{column, wanted})
	}
	return m, faults
}

// matcher is a compiled segment.
type matcher []Criterion

// matches tells whether the contact is in the segment.
func (m matcher) matches(c *Contact) bool {
	for _, criterion := range m {
		if criterion.Attribute >= len(c.Values) || !criterion.Wanted[c.Values[criterion.Attribute]] {
			return false
		}
	}
	return true
}

func tableOf(name string, wanted, declared []string) ([]bool, []Fault) {
	table := make([]bool, len(declared)+1)
	if len(wanted) == 0 {
		return table, []Fault{{
			Field: "segment." + name, Reason: "no value is wanted, so nobody would match",
			Hint: "leave the attribute out to select everybody",
		}}
	}
	var faults []Fault
	for i, value := range wanted {
		index := slices.Index(declared, value)
		if index < 0 {
			faults = append(faults, Fault{
				Field:  fmt.Sprintf("segment.%s[%d]", name, i),
				Reason: fmt.Sprintf("%q is not a declared value", value),
				Hint:   "declared: " + shorten(strings.Join(declared, ", "), 120),
			})
			continue
		}
		table[index+1] = true
	}
	return table, faults
}

func attributeNames(attributes []Attribute) []string {
	names := make([]string, len(attributes))
	for i, a := range attributes {
		names[i] = a.Name
	}
	return names
}

func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return text[:most] + " ..."
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
