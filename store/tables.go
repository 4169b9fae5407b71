package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// tables are what the directory's rows hold places in, and what is known of
// the file as a whole. They are one row of its meta table, in JSON.
type tables struct {
	Attributes  []dialer.Attribute `json:"attributes"`
	Territories []string           `json:"territories"`
	Zones       []string           `json:"zones"`
	// Sources are the imports that rows came from: the name of the list, and, at
	// the same place in Collected, when it was collected.
	Sources   []string    `json:"sources"`
	Collected []time.Time `json:"collected"`
	Count     uint64      `json:"count"`
	// Synthetic tells that rows are, or once were, of invented people whose
	// numbers somebody may have. It is never taken back: whoever is in doubt
	// about a row must not dial it.
	Synthetic bool `json:"synthetic,omitempty"`
	// Persons tells that rows may say whose numbers they are.
	Persons bool `json:"persons,omitempty"`
	// Cells tells that the rows' columns are there: an older program wrote none.
	Cells   bool      `json:"cells,omitempty"`
	BuiltAt time.Time `json:"built_at"`
}

// directorySchema is raised when older programs could misread the file.
const directorySchema = 2

// The directory's buckets, and the row of its meta table that holds tables.
var (
	directoryMeta = []byte("meta")
	directoryRows = []byte("contact")
	metaTables    = []byte("tables")
)

// clone returns tables that can grow without touching t.
func (t *tables) clone() tables {
	c := *t
	c.Territories, c.Zones = slices.Clone(t.Territories), slices.Clone(t.Zones)
	c.Sources, c.Collected = slices.Clone(t.Sources), slices.Clone(t.Collected)
	return c
}

// addTerritory returns the territory's place from 1, adding it where needed.
func (t *tables) addTerritory(code string) (uint64, error) {
	if _, known := contact.FindTerritory(code); !known {
		return 0, fmt.Errorf("territory %q is not known", code)
	}
	return add(&t.Territories, code), nil
}

func (t *tables) addZone(name string) (uint64, error) {
	if name == "Local" {
		return 0, errors.New(`zone "Local" means another place on another machine: want a name such as Europe/Paris`)
	}
	return add(&t.Zones, name), nil
}

func add(list *[]string, name string) uint64 {
	at := slices.Index(*list, name)
	if at < 0 {
		at = len(*list)
		*list = append(*list, name)
	}
	return uint64(1 + at)
}

// addSource returns the place, from 0, of a list that was collected then.
func (t *tables) addSource(name string, collected time.Time) (uint16, error) {
	for i := range t.Sources {
		if t.Sources[i] == name && t.Collected[i].Equal(collected) {
			return uint16(i), nil
		}
	}
	if len(t.Sources) > math.MaxUint16 {
		return 0, fmt.Errorf("the directory has %d sources, which is the most it can hold", math.MaxUint16+1)
	}
	t.Sources, t.Collected = append(t.Sources, name), append(t.Collected, collected)
	return uint16(len(t.Sources) - 1), nil
}

// resolved is the tables' territories and zones themselves; the first of each
// is nil, for none.
type resolved struct {
	territories []*contact.Territory
	zones       []*time.Location
}

// resolve finds what the tables name. An unknown name is an error rather than
// nothing: a contact without a territory might be dialled by the wrong rules.
func (t *tables) resolve() (resolved, error) {
	r := resolved{territories: []*contact.Territory{nil}, zones: []*time.Location{nil}}
	for _, code := range t.Territories {
		territory, known := contact.FindTerritory(code)
		if !known {
			return r, fmt.Errorf("territory %q is not known to this program: run the one that built the directory", code)
		}
		r.territories = append(r.territories, territory)
	}
	shared := make(map[string]*time.Location)
	for territory := range contact.Territories() {
		for _, zone := range territory.Zones {
			shared[zone.String()] = zone
		}
	}
	for _, name := range t.Zones {
		// The territories' own values are preferred, so that one zone is one
		// pointer everywhere.
		zone, known := shared[name]
		if !known {
			var err error
			if zone, err = time.LoadLocation(name); err != nil {
				return r, fmt.Errorf("load zone: %w", err)
			}
		}
		r.zones = append(r.zones, zone)
	}
	return r, nil
}

// write makes the meta table of a new directory.
func (t *tables) write(btx *bolt.Tx, keys *Keys) error {
	meta, err := btx.CreateBucket(directoryMeta)
	if err != nil {
		return fmt.Errorf("create meta table: %w", err)
	}
	text, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("write tables: %w", err)
	}
	if err := meta.Put(metaTables, text); err != nil {
		return fmt.Errorf("write tables: %w", err)
	}
	if err := meta.Put(metaSchema, binary.BigEndian.AppendUint32(nil, directorySchema)); err != nil {
		return fmt.Errorf("write schema: %w", err)
	}
	return putKeyChecks(meta, keys)
}

// readTables checks a directory's head and returns its tables.
func readTables(btx *bolt.Tx, keys *Keys) (t tables, err error) {
	if err := checkSize(btx); err != nil {
		return t, err
	}
	meta := btx.Bucket(directoryMeta)
	if meta == nil || btx.Bucket(directoryRows) == nil {
		return t, errors.New("the file is no directory: it lacks a table")
	}
	if err := checkSchema(meta.Get(metaSchema), directorySchema); err != nil {
		return t, err
	}
	if err := checkKeys(meta, keys); err != nil {
		return t, err
	}
	if err := json.Unmarshal(meta.Get(metaTables), &t); err != nil {
		return t, fmt.Errorf("read tables: %w", err)
	}
	for len(t.Collected) < len(t.Sources) {
		t.Collected = append(t.Collected, t.BuiltAt) // an older program did not ask
	}
	return t, nil
}
