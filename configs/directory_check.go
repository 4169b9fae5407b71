package configs

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/hustings/hustings/consent/contact"
)

// The bounds of a declaration. A dialer.Contact holds a value as 1 + its index
// in 16 bits.
const (
	maxAttributes = 32
	maxValues     = 1<<16 - 2
	maxValueBytes = 64
	oldest        = 120 // years of age
)

var (
	attributePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	attributeKinds   = []string{string(KindTerritory), string(KindAge), string(KindPlace), string(KindChoice)}
)

func (s *DirectorySchema) check(d *document) {
	if _, known := contact.FindTerritory(s.Region); !known && !d.faulty("region") {
		d.fault("region", "such as FR", "%q is no country's code", s.Region)
	}
	for i, country := range s.Countries {
		if _, known := contact.FindTerritory(country); !known || len(country) != len("FR") {
			d.fault(fmt.Sprintf("countries[%d]", i), "such as BE", "%q is no country's code", country)
		}
	}
	if d.notEmpty("attributes", len(s.Attributes)); len(s.Attributes) > maxAttributes {
		d.fault("attributes", "", "%d attributes are declared, %d at most are kept", len(s.Attributes), maxAttributes)
		return
	}
	headers := make(map[string]string)
	s.Columns.check(d, headers)
	names := make(map[string]string)
	for i := range s.Attributes {
		at := fmt.Sprintf("attributes[%d]", i)
		s.Attributes[i].check(d, at)
		d.unique(names, at+".name", s.Attributes[i].Name)
		s.Attributes[i].checkHeaders(d, at, headers)
	}
}

// check records which header stands for which column. A header that stands for
// two could bring one person's fact into another's place.
func (c Columns) check(d *document, headers map[string]string) {
	for _, column := range []struct {
		name     string
		synonyms []string
	}{{"number", c.Number}, {"territory", c.Territory}, {"zone", c.Zone}, {"birth_year", c.BirthYear}, {"person", c.Person}} {
		field := "columns." + column.name
		headers[fold(column.name)] = field
		for i, header := range column.synonyms {
			d.header(headers, fmt.Sprintf("%s[%d]", field, i), field, header)
		}
	}
}

func (d *document) header(headers map[string]string, field, owner, header string) {
	folded := fold(header)
	switch other, taken := headers[folded]; {
	case d.faulty(field):
	case folded == "" || len(header) > maxValueBytes || !printableText(header):
		d.fault(field, "", "a header is 1 to %d printable characters", maxValueBytes)
	case taken && other != owner:
		d.fault(field, "a header stands for one column only", "%q stands for %s already", header, other)
	default:
		headers[folded] = owner
		if reason, hint := forbidden(header); reason != "" {
			d.fault(field, hint, "%s", reason)
		}
	}
}

func (a *Attribute) check(d *document, at string) {
	if field := at + ".name"; d.sound(field) {
		reason, hint := forbidden(a.Name)
		switch {
		case reason != "":
			d.fault(field, hint, "%s", reason)
		case !attributePattern.MatchString(a.Name):
			d.fault(field, "lower-case letters, digits and underscores, such as age_band", "%q cannot be an attribute's name", a.Name)
		}
	}
	if field := at + ".kind"; d.sound(field) && !slices.Contains(attributeKinds, string(a.Kind)) {
		d.fault(field, suggest(string(a.Kind), attributeKinds), "%q is no kind of attribute", a.Kind)
		return
	}
	switch a.Kind {
	case KindTerritory:
		a.checkTerritory(d, at)
		return
	case KindAge:
		a.checkBands(d, at)
	case KindPlace, KindChoice:
	}
	a.checkValues(d, at)
}

func (a *Attribute) checkTerritory(d *document, at string) {
	for _, key := range []string{"headers", "values", "synonyms"} {
		if field := at + "." + key; d.sound(field) {
			d.fault(field, "remove the key", "an attribute of kind territory follows columns.territory and the table of territories")
		}
	}
}

func (a *Attribute) checkValues(d *document, at string) {
	field := at + ".values"
	if !d.has(field) && !d.faulty(field) {
		d.fault(field, "list all values that may stand in the column", "is missing: what is not declared is not kept")
		return
	}
	if d.notEmpty(field, len(a.Values)); len(a.Values) > maxValues {
		d.fault(field, "", "%d values are declared, %d at most are kept", len(a.Values), maxValues)
		return
	}
	written := make(map[string]string, len(a.Values))
	for i, value := range a.Values {
		item := fmt.Sprintf("%s[%d]", field, i)
		if value != "" && (len(value) > maxValueBytes || !printableText(value)) {
			d.fault(item, "", "a value is 1 to %d printable characters", maxValueBytes)
			continue
		}
		if a.Kind == KindChoice {
			if reason, hint := forbiddenValue(value); reason != "" {
				d.fault(item, hint, "%s", reason)
			}
		}
		d.unique(written, item, value)
	}
	a.checkSynonyms(d, at)
}

func (a *Attribute) checkSynonyms(d *document, at string) {
	meant := make(map[string]string)
	for _, value := range a.Values {
		meant[fold(value)] = value
	}
	for _, value := range sortedKeys(a.Synonyms) {
		field := join(at+".synonyms", value)
		if !slices.Contains(a.Values, value) {
			d.fault(field, suggest(value, a.Values), "%q is not among the values", value)
			continue
		}
		for i, synonym := range a.Synonyms[value] {
			item := fmt.Sprintf("%s[%d]", field, i)
			if other, taken := meant[fold(synonym)]; taken && other != value {
				d.fault(item, "a synonym stands for one value only", "%q stands for %q already", synonym, other)
				continue
			}
			meant[fold(synonym)] = value
		}
	}
}

func (a *Attribute) checkHeaders(d *document, at string, headers map[string]string) {
	if a.Kind == KindTerritory || a.Name == "" || d.faulty(at+".name") {
		return
	}
	d.header(headers, at+".name", at, a.Name)
	for i, header := range a.Headers {
		d.header(headers, fmt.Sprintf("%s.headers[%d]", at, i), at, header)
	}
}

var bandPattern = regexp.MustCompile(`^(\d{1,3})(?:-(\d{1,3})|\+)$`)

// checkBands refuses bands that overlap or leave a gap: an import finds the
// band by the year of birth, and nobody may be in two or in none.
func (a *Attribute) checkBands(d *document, at string) {
	next := -1
	for i, value := range a.Values {
		item := fmt.Sprintf("%s.values[%d]", at, i)
		from, to, ok := Band(value)
		switch {
		case d.faulty(item):
		case !ok:
			d.fault(item, "such as 18-24, or 65+ for the last", "%q is no band of ages", value)
		case next >= 0 && from != next:
			d.fault(item, "", "begins at %d, but the band before it ends at %d", from, next-1)
		case to == oldest && i < len(a.Values)-1:
			d.fault(item, "put it last", "has no end, but more bands follow")
		}
		if ok {
			next = to + 1
		}
	}
}

// Band reads a band of ages such as "18-24" or "65+" into its first and last
// year, and tells whether it is one. An open band ends at 120.
func Band(value string) (from, to int, ok bool) {
	parts := bandPattern.FindStringSubmatch(value)
	if parts == nil {
		return 0, 0, false
	}
	from, _ = strconv.Atoi(parts[1]) // at most three digits
	if to = oldest; parts[2] != "" {
		to, _ = strconv.Atoi(parts[2])
	}
	return from, to, from <= to && to <= oldest
}

func printableText(text string) bool {
	return strings.TrimSpace(text) == text && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}
