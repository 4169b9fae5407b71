package contact

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Ensure that known codes lead to the zones that a contact there may be in.
func TestFindTerritory(t *testing.T) {
	t.Parallel()
	tests := []struct{ code, region, zones string }{
		{"FR", "FR", "Europe/Paris"},
		{"FR-01", "FR", "Europe/Paris"},
		{"FR-2A", "FR", "Europe/Paris"},
		{"FR-2B", "FR", "Europe/Paris"},
		{"FR-75", "FR", "Europe/Paris"},
		{"FR-95", "FR", "Europe/Paris"},
		{"FR-971", "GP", "America/Guadeloupe"},
		{"FR-972", "MQ", "America/Martinique"},
		{"MQ", "MQ", "America/Martinique"},
		{"FR-973", "GF", "America/Cayenne"},
		{"FR-974", "RE", "Indian/Reunion"},
		{"FR-975", "PM", "America/Miquelon"},
		{"FR-976", "YT", "Indian/Mayotte"},
		{"FR-977", "BL", "America/St_Barthelemy"},
		{"FR-978", "MF", "America/Marigot"},
		{"FR-986", "WF", "Pacific/Wallis"},
		{"FR-987", "PF", "Pacific/Tahiti Pacific/Marquesas Pacific/Gambier"},
		{"FR-988", "NC", "Pacific/Noumea"},
		{"FR-99", "FR", ""},
		{"US-DC", "US", "America/New_York"},
		{"US-MN", "US", "America/Chicago"},
		{"US-TN", "US", "America/New_York America/Chicago"},
		{"US-AZ", "US", "America/Phoenix America/Denver"},
		{"US-PR", "PR", "America/Puerto_Rico"},
		{"CA-NL", "CA", "America/St_Johns America/Goose_Bay"},
		{"GB", "GB", "Europe/London"},
		{"GB-WLS", "GB", "Europe/London"},
		{"IE", "IE", "Europe/Dublin"},
		{"DE-BY", "DE", "Europe/Berlin"},
		{"ES-CN", "ES", "Atlantic/Canary"},
		{"ES-IB", "ES", "Europe/Madrid"},
		{"BE-BRU", "BE", "Europe/Brussels"},
	}
	for _, test := range tests {
		t.Run(test.code, func(t *testing.T) {
			t.Parallel()
			territory, known := FindTerritory(test.code)
			if !known {
				t.Fatal("not found")
			}
			names := make([]string, len(territory.Zones))
			for i, zone := range territory.Zones {
				names[i] = zone.String()
			}
			if got := strings.Join(names, " "); territory.Code != test.code || territory.Region != test.region || got != test.zones {
				t.Errorf("got %s, region %s, zones %q; want region %s, zones %q", territory.Code, territory.Region, got, test.region, test.zones)
			}
		})
	}
}

// Ensure that a code which is nearly one finds nothing: the caller would dial
// on a guess.
func TestFindTerritory_Unknown(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"", "FR-20", "FR-96", "FR-1", "fr-75", "75", "FR-979", "XX", "US-ZZ", "FR-75 "} {
		if territory, known := FindTerritory(code); known {
			t.Errorf("%q found %s", code, territory.Code)
		}
	}
}

// Ensure that every French department is there and nothing beside them.
func TestTerritories_French(t *testing.T) {
	t.Parallel()
	var want []string
	for department := 1; department <= 95; department++ {
		if department != 20 {
			want = append(want, fmt.Sprintf("FR-%02d", department))
		}
	}
	for _, rest := range []string{"2A", "2B", "971", "972", "973", "974", "975", "976", "977", "978", "986", "987", "988", "99"} {
		want = append(want, "FR-"+rest)
	}
	var got []string
	for territory := range Territories() {
		if strings.HasPrefix(territory.Code, "FR-") {
			got = append(got, territory.Code)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Ensure that the whole table is sound: only the French abroad have no zone,
// each region is itself a territory, and a subdivision's zones are among its
// region's, since an unknown one would be dialled by the region's.
func TestTerritories_Sound(t *testing.T) {
	t.Parallel()
	states := 0
	for territory := range Territories() {
		if found, known := FindTerritory(territory.Code); !known || found != territory {
			t.Errorf("%s: is not found by its code", territory.Code)
		}
		if len(territory.Zones) == 0 && territory.Code != "FR-99" {
			t.Errorf("%s: has no zone", territory.Code)
		}
		region, known := FindTerritory(territory.Region)
		if !known {
			t.Errorf("%s: region %s is not a territory", territory.Code, territory.Region)
			continue
		}
		for i, zone := range territory.Zones {
			if slices.Contains(territory.Zones[:i], zone) {
				t.Errorf("%s: %s stands there twice", territory.Code, zone)
			}
			if !slices.Contains(region.Zones, zone) {
				t.Errorf("%s: %s is no zone of %s", territory.Code, zone, region.Code)
			}
		}
		if strings.HasPrefix(territory.Code, "US-") {
			states++
		}
	}
	if want := 50 + 1 + 5; states != want {
		t.Errorf("got %d states, districts and territories of the US, want %d", states, want)
	}
}

// Ensure that a fault in the table is found with its place.
func TestParseTerritories_Faults(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, table, want string }{
		{"fields", "# head\nFR\tFrance\tFR\n", "territories.tsv:2: want 4 fields"},
		{"empty", "FR\t\tFR\tEurope/Paris\n", "territories.tsv:1: a field is empty"},
		{"zone", "FR\tFrance\tFR\tEurope/Lutece\n", "territories.tsv:1: FR: load zone"},
		{"twice", "FR\tFrance\tFR\t-\nFR\tFrance\tFR\t-\n", "FR stands there twice"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := parseTerritories(test.table); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// Ensure that the lookup stays off the heap: an import asks once per row.
func TestFindTerritory_Allocations(t *testing.T) {
	code := []byte("FR-974")
	if n := testing.AllocsPerRun(100, func() { FindTerritory(string(code)) }); n != 0 {
		t.Errorf("a lookup allocates %v times", n)
	}
}

func BenchmarkFindTerritory(b *testing.B) {
	code := []byte("FR-974")
	for b.Loop() {
		FindTerritory(string(code))
	}
}

func BenchmarkParseTerritories(b *testing.B) {
	for b.Loop() {
		if _, err := parseTerritories(territoryTable); err != nil {
			b.Fatal(err)
		}
	}
}
