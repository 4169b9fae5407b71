package country

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// populations are the departments with their inhabitants in thousands, rounded
// (INSEE, about 2020), and what is not in Europe.
const populations = `01:657 02:531 03:335 04:165 05:141 06:1095 07:328 08:270 09:154 10:310 11:375 12:279 13:2043 14:695
15:144 16:352 17:652 18:302 19:240 21:534 22:600 23:116 24:413 25:544 26:517 27:600 28:432 29:915 2A:159 2B:182 30:748 31:1415
32:191 33:1636 34:1188 35:1088 36:219 37:611 38:1272 39:259 40:414 41:329 42:765 43:227 44:1438 45:680 46:174 47:331 48:77
49:818 50:495 51:566 52:171 53:307 54:733 55:183 56:759 57:1046 58:204 59:2608 60:829 61:279 62:1465 63:662 64:685 65:229
66:480 67:1140 68:767 69:1876 70:235 71:551 72:567 73:437 74:829 75:2145 76:1255 77:1428 78:1449 79:374 80:570 81:390 82:260
83:1085 84:561 85:686 86:438 87:372 88:363 89:335 90:141 91:1306 92:1626 93:1655 94:1407 95:1251 971:384 972:361 973:281
974:863 976:262 988:271 987:279 99:120`

// communes are towns that the example of directory.yaml declares, by
// department, and how many in a thousand inhabitants live there.
var communes = map[string]struct {
	name     string
	perMille uint64
}{
	"2A": {"Ajaccio", 440}, "2B": {"Bastia", 260}, "06": {"Nice", 310}, "13": {"Marseille", 425}, "14": {"", 0}, "21": {"Dijon", 295},
	"25": {"Besançon", 215}, "29": {"Brest", 150}, "30": {"Nîmes", 200}, "31": {"Toulouse", 350}, "33": {"Bordeaux", 160},
	"34": {"Montpellier", 250}, "35": {"Rennes", 205}, "37": {"Tours", 225}, "38": {"Grenoble", 125}, "42": {"Saint-Étienne", 225},
	"44": {"Nantes", 225}, "45": {"Orléans", 170}, "49": {"Angers", 190}, "51": {"Reims", 320}, "54": {"Nancy", 140}, "57": {"Metz", 115},
	"59": {"Lille", 90}, "63": {"Clermont-Ferrand", 220}, "66": {"Perpignan", 250}, "67": {"Strasbourg", 250}, "69": {"Lyon", 275},
	"72": {"Le Mans", 255}, "75": {"Paris", 1000}, "76": {"Rouen", 90}, "83": {"Toulon", 165}, "87": {"Limoges", 350},
	"971": {"Pointe-à-Pitre", 40}, "972": {"Fort-de-France", 210}, "973": {"Cayenne", 220}, "974": {"Saint-Denis", 175},
	"976": {"Mamoudzou", 270}, "988": {"Nouméa", 350}, "987": {"Papeete", 95},
}

// place is a department, as each kind of list writes it.
type place struct {
	department string
	// commune is where perMille of its people vote, in UTF-8 and in Windows-1252.
	commune, communeWindows string
	perMille                uint64
}

// places draws departments by their population: each stands as often in the
// slots as its share asks for.
type places struct {
	all   []place
	slots [8192]uint8
}

func newPlaces() (*places, error) {
	p := &places{}
	var weights []int
	total := 0
	for entry := range strings.FieldsSeq(populations) {
		department, text, _ := strings.Cut(entry, ":")
		weight, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("population of %s: %w", department, err)
		}
		town := communes[department]
		windows, err := charmap.Windows1252.NewEncoder().String(town.name)
		if err != nil {
			return nil, fmt.Errorf("commune of %s: %w", department, err)
		}
		p.all = append(p.all, place{department, town.name, windows, town.perMille})
		weights, total = append(weights, weight), total+weight
	}
	at, sum := 0, weights[0]
	for slot := range p.slots {
		for slot*total >= sum*len(p.slots) {
			at++
			sum += weights[at]
		}
		p.slots[slot] = uint8(at)
	}
	return p, nil
}

func (p *places) draw(d *draws) *place { return &p.all[p.slots[d.next()%uint64(len(p.slots))]] }

// Mainland returns the departments that keep Paris's time, as segments name
// them: a campaign over them waits for no night but one.
func Mainland() []string {
	var codes []string
	for entry := range strings.FieldsSeq(populations) {
		department, _, _ := strings.Cut(entry, ":")
		if len(department) == 2 && department != abroad {
			codes = append(codes, "FR-"+department)
		}
	}
	return codes
}

// abroad stands for French people who live in other countries.
const abroad = "99"
