package daemon

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store/intake"
)

// The fixed columns of a list of contacts; the declared attributes that have a
// column of their own follow.
const (
	columnNumber = iota
	columnTerritory
	columnZone
	columnBirthYear
)

// oldestContact is the greatest age that a year of birth may stand for.
const oldestContact = 120

// intakeParser turns the fields of a row into a contact. It does not change
// once it is made, so that several goroutines may share it.
type intakeParser struct {
	region string
	// countries are those whose numbers are taken; nil takes all there are.
	countries   map[string]bool
	year        int // of the import
	declared    intake.Columns
	identity    contact.IDKey
	zones       *intakeZones
	territories map[string]*contact.Territory
	attributes  []intakeAttribute
	// person is the column of the broker's own reference to people, 0 where
	// directory.yaml declares none.
	person int
	source uint16
}

// intakeAttribute is a declared attribute as rows bring it.
type intakeAttribute struct {
	name string
	// declared are the values as directory.yaml writes them.
	declared []string
	// column is where its values stand; 0 where they follow the territory.
	column int
	// values holds 1 + the index of each value, by value as it is written and
	// as it is folded.
	values map[string]uint16
	// territories does the same for an attribute that follows the territory.
	territories map[*contact.Territory]uint16
	// bands are the first and last years of the values of an attribute of
	// ages.
	bands []intakeBand
}

type intakeBand struct{ from, to int }

// intakeFault is why a row is refused: the column at fault, the word for it and
// the shape of what stands there.
type intakeFault struct {
	column            int
	word, shape, hint string
}

func newIntakeParser(o *intakeOptions, zones *intakeZones) *intakeParser {
	schema := o.schema
	p := &intakeParser{
		region: schema.Region, countries: dialledCountries(schema), year: o.clock.Now().Year(), identity: o.keys.Identity, zones: zones,
		territories: territorySpellings(schema.Region),
		declared: intake.Columns{DeclaredIn: "directory.yaml", List: []intake.Column{
			columnNumber:    {Name: "number", Synonyms: schema.Columns.Number, Required: true},
			columnTerritory: {Name: "territory", Synonyms: schema.Columns.Territory},
			columnZone:      {Name: "zone", Synonyms: schema.Columns.Zone},
			columnBirthYear: {Name: "birth_year", Synonyms: schema.Columns.BirthYear},
		}},
	}
	for i := range schema.Attributes {
		declared := &schema.Attributes[i]
		attribute := newIntakeAttribute(declared)
		if declared.Kind != configs.KindTerritory {
			attribute.column = len(p.declared.List)
			p.declared.List = append(p.declared.List, intake.Column{Name: declared.Name, Synonyms: declared.Headers})
		}
		p.attributes = append(p.attributes, attribute)
	}
	if len(schema.Columns.Person) > 0 {
		p.person = len(p.declared.List)
		p.declared.List = append(p.declared.List, intake.Column{Name: "person", Synonyms: schema.Columns.Person})
	}
	return p
}

// dialledCountries returns the numbering plans whose numbers a list may hold: that of
// the region, those of its parts, and what is declared beside them.
func dialledCountries(schema *configs.DirectorySchema) map[string]bool {
	countries := map[string]bool{schema.Region: true}
	for territory := range contact.Territories() {
		if strings.HasPrefix(territory.Code, schema.Region+"-") {
			countries[territory.Region] = true
		}
	}
	for _, country := range schema.Countries {
		countries[country] = true
	}
	return countries
}

func newIntakeAttribute(declared *configs.Attribute) intakeAttribute {
	a := intakeAttribute{name: declared.Name, declared: declared.Values, values: make(map[string]uint16), territories: make(map[*contact.Territory]uint16)}
	for i, value := range declared.Values {
		index := uint16(i + 1)
		a.values[value], a.values[intake.Fold(value)] = index, index
		for _, synonym := range declared.Synonyms[value] {
			a.values[synonym], a.values[intake.Fold(synonym)] = index, index
		}
		if declared.Kind == configs.KindTerritory {
			if territory, known := contact.FindTerritory(value); known {
				a.territories[territory] = index
			}
		}
		if declared.Kind == configs.KindAge {
			from, to, _ := configs.Band(value) // the declaration was checked
			a.bands = append(a.bands, intakeBand{from, to})
		}
	}
	return a
}

// territorySpellings returns how lists write a territory: its code, or within
// the region the part after the hyphen, with or without a leading zero, which
// spreadsheets drop. What stands for a part of the region and for another
// country means the part. A part that has a country's code of its own ("MQ")
// is meant by its code in the region ("FR-972"), so that one place has one
// name in the directory.
func territorySpellings(region string) map[string]*contact.Territory {
	spellings := make(map[string]*contact.Territory)
	for territory := range contact.Territories() {
		spellings[territory.Code] = territory
	}
	for territory := range contact.Territories() {
		part, inside := strings.CutPrefix(territory.Code, region+"-")
		if !inside {
			continue
		}
		spellings[part] = territory
		if len(part) == 2 && part[0] == '0' {
			spellings[part[1:]] = territory
		}
	}
	for territory := range contact.Territories() {
		if strings.HasPrefix(territory.Code, region+"-") && territory.Region != region {
			if whole, known := spellings[territory.Region]; known && whole.Code == territory.Region {
				spellings[territory.Region] = territory
			}
		}
	}
	return spellings
}

// parse fills the contact from the fields and returns why the row must be
// refused, nil if it need not. The values must be as many as the attributes.
func (p *intakeParser) parse(field func(column int) []byte, c *dialer.Contact) (contact.Number, *intakeFault) {
	number, fault := p.number(field(columnNumber), c)
	if fault != nil {
		return number, fault
	}
	clear(c.Values)
	c.Source, c.Territory, c.Zone, c.BirthYear = p.source, nil, nil, 0
	if c.Person = (contact.PersonID{}); p.person > 0 {
		c.Person = p.identity.Person(field(p.person))
	}
	if text := field(columnTerritory); len(text) > 0 {
		if fault := p.territory(text, c); fault != nil {
			return number, fault
		}
	}
	if text := field(columnZone); len(text) > 0 {
		zone, known := p.zones.find(text)
		if !known {
			return number, &intakeFault{columnZone, refusedZone, shape(text), "want a name such as Europe/Paris"}
		}
		c.Zone = zone
	}
	if fault := p.birthYear(field(columnBirthYear), c); fault != nil {
		return number, fault
	}
	for i := range p.attributes {
		a := &p.attributes[i]
		if a.column == 0 {
			continue
		}
		if text := field(a.column); len(text) > 0 {
			if c.Values[i] = a.value(text); c.Values[i] == 0 {
				return number, &intakeFault{a.column, refusedValue, shape(text), "want one of the values that directory.yaml declares for " + a.name}
			}
		}
	}
	p.completeAge(c)
	return number, nil
}

func (p *intakeParser) number(text []byte, c *dialer.Contact) (contact.Number, *intakeFault) {
	if len(text) == 0 {
		return contact.Number{}, &intakeFault{columnNumber, refusedNumberMissing, "", "leave out rows without a number"}
	}
	number, line, err := contact.Parse(text, p.region)
	if err != nil {
		return number, &intakeFault{columnNumber, refusedNumber, shape(text), "want a national number of " + p.region + ", or one that begins with + and a country code"}
	}
	if !line.Valid {
		return number, &intakeFault{columnNumber, refusedNumber, shape(text), "the numbering plan has no such number"}
	}
	if line.Region != p.region && p.countries != nil && !p.countries[line.Region] {
		return number, &intakeFault{columnNumber, refusedCountry, shape(text), "not a number of " + p.region + "; directory.yaml may name others under countries"}
	}
	c.ID, c.Line = p.identity.ID(number), line.Type
	return number, nil
}

func (p *intakeParser) territory(text []byte, c *dialer.Contact) *intakeFault {
	territory, known := p.territories[string(text)]
	if !known {
		territory, known = p.territories[strings.ToUpper(string(text))]
	}
	if !known {
		return &intakeFault{columnTerritory, refusedTerritory, shape(text), "want a code of ISO 3166-2, or its part after " + p.region + "-"}
	}
	c.Territory = territory
	for i := range p.attributes {
		if a := &p.attributes[i]; a.column == 0 {
			c.Values[i] = a.territories[territory]
		}
	}
	return nil
}

func (p *intakeParser) birthYear(text []byte, c *dialer.Contact) *intakeFault {
	if len(text) == 0 {
		return nil
	}
	year, err := strconv.Atoi(string(text))
	if err != nil || len(text) != 4 || year < p.year-oldestContact || year > p.year {
		return &intakeFault{columnBirthYear, refusedBirthYear, shape(text), "want a year of four digits and nothing else"}
	}
	c.BirthYear = year
	return nil
}

// valueOf returns a value of the attribute as directory.yaml writes it.
func (p *intakeParser) valueOf(attribute int, value uint16) string {
	return p.attributes[attribute].declared[value-1]
}

func (a *intakeAttribute) value(text []byte) uint16 {
	if index, known := a.values[string(text)]; known {
		return index
	}
	return a.values[intake.Fold(string(text))]
}

// completeAge derives the band of ages from the year of birth, or the other
// way round. Whoever was born in a year has surely completed one year less
// than the difference, and rules read a year of birth in that worst case: so
// the band is that of the years surely completed, and the year is one earlier
// than the band's youngest age says, lest a person known to be 18 at import be
// read as 17.
func (p *intakeParser) completeAge(c *dialer.Contact) {
	known := c.BirthYear != 0
	for i := range p.attributes {
		a := &p.attributes[i]
		switch {
		case len(a.bands) == 0:
		case known && c.Values[i] == 0:
			age := p.year - c.BirthYear - 1
			for at, band := range a.bands {
				if band.from <= age && age <= band.to {
					c.Values[i] = uint16(at + 1)
				}
			}
		case c.BirthYear == 0 && c.Values[i] != 0:
			c.BirthYear = p.year - a.bands[c.Values[i]-1].from - 1
		}
	}
}

func shape(text []byte) string { return intake.Shape(string(text)) }

// intakeZones finds time zones by name and keeps one copy of each.
type intakeZones struct {
	ofTerritories map[string]*time.Location
	others        sync.Map // name -> *time.Location
}

func newIntakeZones() *intakeZones {
	z := &intakeZones{ofTerritories: make(map[string]*time.Location)}
	for territory := range contact.Territories() {
		for _, zone := range territory.Zones {
			z.ofTerritories[zone.String()] = zone
		}
	}
	return z
}

// zoneAreas are the first parts of the names in the IANA database that name
// places. Its other names either are old or name no place, and the file
// system may hold further ones that are no zones of anybody.
var zoneAreas = map[string]bool{
	"Africa": true, "America": true, "Antarctica": true, "Arctic": true, "Asia": true,
	"Atlantic": true, "Australia": true, "Europe": true, "Indian": true, "Pacific": true,
}

func (z *intakeZones) find(text []byte) (*time.Location, bool) {
	if zone, known := z.ofTerritories[string(text)]; known {
		return zone, true
	}
	name := string(text)
	if zone, known := z.others.Load(name); known {
		return zone.(*time.Location), true
	}
	if area, _, found := strings.Cut(name, "/"); !found || !zoneAreas[area] {
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, false
	}
	first, _ := z.others.LoadOrStore(name, zone)
	return first.(*time.Location), true
}
