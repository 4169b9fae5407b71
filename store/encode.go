package store

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// growing are the tables of a directory that is being built. Encoders of several
// goroutines add to them.
type growing struct {
	mu     sync.Mutex
	tables tables
	// sources is how many the tables have, and persons tells that a row has one:
	// asked for each row, without the lock.
	sources atomic.Int64
	persons atomic.Bool
}

func newGrowing(t tables) *growing {
	g := &growing{tables: t}
	g.sources.Store(int64(len(t.Sources)))
	g.persons.Store(t.Persons)
	return g
}

func (g *growing) addSource(name string, collected time.Time) (uint16, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	place, err := g.tables.addSource(name, collected)
	g.sources.Store(int64(len(g.tables.Sources)))
	return place, err
}

func (g *growing) markSynthetic() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tables.Synthetic = true
}

// settled returns the tables once nobody adds to them any more.
func (g *growing) settled() *tables {
	g.tables.Persons = g.persons.Load()
	return &g.tables
}

// rowEncoder turns contacts into rows and collects the tables on the way. It
// belongs to one goroutine.
type rowEncoder struct {
	growing     *growing
	attributes  []dialer.Attribute
	territories map[*contact.Territory]uint64
	zones       map[*time.Location]uint64
}

func newRowEncoder(g *growing) (*rowEncoder, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := &rowEncoder{
		growing: g, attributes: g.tables.Attributes,
		territories: map[*contact.Territory]uint64{nil: 0}, zones: map[*time.Location]uint64{nil: 0},
	}
	resolved, err := g.tables.resolve()
	if err != nil {
		return nil, err
	}
	for i, territory := range resolved.territories {
		e.territories[territory] = uint64(i)
	}
	for i, zone := range resolved.zones {
		e.zones[zone] = uint64(i)
	}
	return e, nil
}

// territory returns the place of a territory that this encoder meets for the
// first time.
func (e *rowEncoder) territory(t *contact.Territory) (place uint64, err error) {
	e.growing.mu.Lock()
	defer e.growing.mu.Unlock()
	if place, err = e.growing.tables.addTerritory(t.Code); err == nil {
		e.territories[t] = place
	}
	return place, err
}

// zone does the same for a zone.
func (e *rowEncoder) zone(z *time.Location) (place uint64, err error) {
	e.growing.mu.Lock()
	defer e.growing.mu.Unlock()
	if place, err = e.growing.tables.addZone(z.String()); err == nil {
		e.zones[z] = place
	}
	return place, err
}

// facts appends all of a row but the sealed number.
func (e *rowEncoder) facts(row []byte, c *dialer.Contact) ([]byte, error) {
	var err error
	territory, known := e.territories[c.Territory]
	if !known {
		if territory, err = e.territory(c.Territory); err != nil {
			return nil, err
		}
	}
	zone, known := e.zones[c.Zone]
	if !known {
		if zone, err = e.zone(c.Zone); err != nil {
			return nil, err
		}
	}
	if c.BirthYear < 0 || c.BirthYear > math.MaxInt16 {
		return nil, fmt.Errorf("birth year %d cannot be", c.BirthYear)
	}
	if int64(c.Source) >= e.growing.sources.Load() {
		return nil, fmt.Errorf("source %d was not named: call Source first", c.Source)
	}
	line := byte(c.Line)
	if !c.Person.IsZero() {
		line |= personFlag
		if !e.growing.persons.Load() {
			e.growing.persons.Store(true)
		}
	}
	row = append(row, line)
	row = binary.AppendUvarint(row, territory)
	row = binary.AppendUvarint(row, zone)
	row = binary.AppendUvarint(row, uint64(c.BirthYear))
	row = binary.AppendUvarint(row, uint64(c.Source))
	if row, err = e.values(row, c.Values); err != nil || c.Person.IsZero() {
		return row, err
	}
	return append(row, c.Person[:]...), nil
}

func (e *rowEncoder) values(row []byte, values []uint16) ([]byte, error) {
	if len(values) != len(e.attributes) {
		return nil, fmt.Errorf("%d values for %d declared attributes", len(values), len(e.attributes))
	}
	for i, value := range values {
		if int(value) > len(e.attributes[i].Values) {
			return nil, fmt.Errorf("attribute %s has no value %d", e.attributes[i].Name, value)
		}
		row = binary.AppendUvarint(row, uint64(value))
	}
	return row, nil
}
