package configs

import (
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// DirectorySchema is directory.yaml: what is kept of a contact, and under which
// headers lists bring it. Nothing else is imported, and nothing else selects.
type DirectorySchema struct {
	// Region is the ISO 3166 code of the country whose national numbers lists
	// may hold, such as "FR".
	Region string `yaml:"region"`
	// Countries are the ISO 3166 codes of others whose numbers lists may hold,
	// beside the region and its parts. A row with any other is refused.
	Countries []string `yaml:"countries"`
	// Columns are the facts that rules need, with the headers that stand for
	// each beside its own name.
	Columns Columns `yaml:"columns"`
	// Attributes are what segments may name, in the order in which a
	// dialer.Contact holds their values.
	Attributes []Attribute `yaml:"attributes" want:"required"`
}

// Columns are the headers of a list's fixed columns. Case, accents, and whether
// words are parted by spaces, dots, hyphens or underscores make no difference.
type Columns struct {
	Number    []string `yaml:"number"`
	Territory []string `yaml:"territory"`
	Zone      []string `yaml:"zone"`
	BirthYear []string `yaml:"birth_year"`
	// Person is the broker's own reference to a person, who may have several
	// numbers. It is kept as a keyed hash only.
	Person []string `yaml:"person"`
}

// AttributeKind says what an attribute's values are.
type AttributeKind string

// The kinds of attributes.
const (
	// KindTerritory takes its values from the contact's territory column: the
	// region itself and its parts.
	KindTerritory AttributeKind = "territory"
	// KindAge holds bands of whole years, such as "18-24" and "65+".
	KindAge AttributeKind = "age"
	// KindPlace holds places smaller than a territory, such as communes.
	KindPlace AttributeKind = "place"
	// KindChoice holds any other closed list of words.
	KindChoice AttributeKind = "choice"
)

// Attribute is a declared attribute with what an import must know of it.
type Attribute struct {
	// Name is the attribute's name in segments and packs. It also counts as a
	// header.
	Name string        `yaml:"name" want:"required"`
	Kind AttributeKind `yaml:"kind" want:"required"`
	// Headers are other headers for it. An attribute of KindTerritory has
	// none: it follows the territory column.
	Headers []string `yaml:"headers"`
	// Values are the only ones allowed, in the order of their indexes.
	Values []string `yaml:"values"`
	// Synonyms are other ways in which lists write a value: by value, compared
	// as headers are.
	Synonyms map[string][]string `yaml:"synonyms"`
}

// Declared returns the attributes as the dialer knows them, in the same order.
func (s *DirectorySchema) Declared() []dialer.Attribute {
	attributes := make([]dialer.Attribute, len(s.Attributes))
	for i, a := range s.Attributes {
		attributes[i] = dialer.Attribute{Name: a.Name, Values: a.Values}
	}
	return attributes
}

// LoadDirectory reads the declaration of the directory that the settings name,
// or the embedded one. An error of type Faults lists everything that is wrong
// with it.
func (c *Config) LoadDirectory() (*DirectorySchema, error) {
	d, err := openDocument(c.DirectoryFile, directoryName, maxDirectory)
	if err != nil {
		return nil, err
	}
	schema := d.directory()
	if err := d.err(); err != nil {
		return nil, err
	}
	return schema, nil
}

// directory reads the document as a directory.yaml, checks it and fills in the
// values of territories.
func (d *document) directory() *DirectorySchema {
	schema := &DirectorySchema{Region: "FR"}
	d.decode(schema)
	if d.root != nil {
		schema.check(d)
	}
	for i := range schema.Attributes {
		if a := &schema.Attributes[i]; a.Kind == KindTerritory && len(a.Values) == 0 {
			a.Values = territoryCodes(schema.Region)
		}
	}
	return schema
}

// territoryCodes returns the region's own code and those of its parts. A place
// overseas that has a second code of its own ("MQ" beside "FR-972") is meant by
// the code of the part: contact.Territory of both has the same Region.
func territoryCodes(region string) []string {
	var codes []string
	for territory := range contact.Territories() {
		if territory.Code == region || hasRegion(territory.Code, region) {
			codes = append(codes, territory.Code)
		}
	}
	return codes
}

func hasRegion(code, region string) bool {
	return len(code) > len(region)+1 && code[:len(region)] == region && code[len(region)] == '-'
}
