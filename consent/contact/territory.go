package contact

import (
	_ "embed"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // A minimal server or container has no zone data of its own, and a zone that does not load would be dialled nowhere.
)

// Territory is where a contact is registered to vote. Silence follows the
// territory; calling hours follow its zones, unless the contact's own zone is
// known.
type Territory struct {
	// Code is the country's ISO 3166 code, or the subdivision's in the manner
	// of ISO 3166-2. French overseas places have both ("MQ" and "FR-972").
	Code string
	// Name is what people call it; for printing only.
	Name string
	// Region is the ISO 3166 code of the numbering plan, as Line.Region is: "MQ"
	// for FR-972, "FR" for FR-75. It is the same for both codes of a place.
	Region string
	// Zones are all the time zones that a contact there may be in. None means
	// that the place is unknown (French citizens abroad): such a contact is
	// dialled nowhere.
	Zones []*time.Location
}

//go:embed territories.tsv
var territoryTable string

type territoryIndex struct {
	ordered []Territory
	byCode  map[string]*Territory
}

// Loading some 400 zones takes milliseconds, which a command that asks for no
// territory should not pay; hence not at package initialisation.
var territories = sync.OnceValue(func() *territoryIndex {
	index, err := parseTerritories(territoryTable)
	if err != nil {
		panic(err) // The table is part of the binary and its test loads it whole.
	}
	return index
})

// FindTerritory returns the territory with exactly this code. The lookup does
// not allocate, not even for a code converted from a short byte slice. The
// territory is shared and must not be changed.
func FindTerritory(code string) (*Territory, bool) {
	t, known := territories().byCode[code]
	return t, known
}

// Territories iterates over all territories in the order of the table:
// countries first, then their subdivisions.
func Territories() iter.Seq[*Territory] {
	return func(yield func(*Territory) bool) {
		ordered := territories().ordered
		for i := range ordered {
			if !yield(&ordered[i]) {
				return
			}
		}
	}
}

func parseTerritories(table string) (*territoryIndex, error) {
	index := &territoryIndex{byCode: make(map[string]*Territory)}
	locations := make(map[string]*time.Location)
	place := 0
	for line := range strings.Lines(table) {
		place++
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		territory, err := parseTerritory(line, locations)
		if err != nil {
			return nil, fmt.Errorf("territories.tsv:%d: %w", place, err)
		}
		index.ordered = append(index.ordered, territory)
	}
	for i := range index.ordered {
		territory := &index.ordered[i]
		if _, twice := index.byCode[territory.Code]; twice {
			return nil, fmt.Errorf("territories.tsv: %s stands there twice", territory.Code)
		}
		index.byCode[territory.Code] = territory
	}
	return index, nil
}

// noZones marks a territory whose zone cannot be known, so that a forgotten
// field is not taken for one.
const noZones = "-"

func parseTerritory(line string, locations map[string]*time.Location) (Territory, error) {
	fields := strings.Split(line, "\t")
	if len(fields) != 4 {
		return Territory{}, fmt.Errorf("want 4 fields separated by tabs, got %d", len(fields))
	}
	if slices.Contains(fields, "") {
		return Territory{}, fmt.Errorf("a field is empty")
	}
	territory := Territory{Code: fields[0], Name: fields[1], Region: fields[2]}
	if fields[3] == noZones {
		return territory, nil
	}
	for name := range strings.SplitSeq(fields[3], ",") {
		location, loaded := locations[name]
		if !loaded {
			var err error
			if location, err = time.LoadLocation(name); err != nil {
				return Territory{}, fmt.Errorf("%s: load zone: %w", territory.Code, err)
			}
			locations[name] = location
		}
		territory.Zones = append(territory.Zones, location)
	}
	return territory, nil
}
