package sample

import "fmt"

// person is an invented contact. A number is held without its leading zero.
type person struct {
	number  string
	mobile  bool
	place   place
	ageBand string
	gender  string
	zone    string
}

// place is a department with one commune of it.
type place struct{ department, commune, zone string }

var mainland = []place{
	{"75", "Paris", ""},
	{"13", "Marseille", ""},
	{"69", "Lyon", ""},
	{"31", "Toulouse", ""},
	{"06", "Nice", ""},
	{"44", "Nantes", ""},
	{"34", "Montpellier", ""},
	{"67", "Strasbourg", ""},
	{"33", "Bordeaux", ""},
	{"59", "Lille", ""},
	{"35", "Rennes", ""},
	{"38", "Grenoble", ""},
	{"30", "Nîmes", ""},
	{"42", "Saint-Étienne", ""},
	{"25", "Besançon", ""},
	{"45", "Orléans", ""},
}

var overseas = []place{
	{"2A", "Ajaccio", "Europe/Paris"},
	{"2B", "Bastia", "Europe/Paris"},
	{"971", "Pointe-à-Pitre", "America/Guadeloupe"},
	{"972", "Fort-de-France", "America/Martinique"},
	{"973", "Cayenne", "America/Cayenne"},
	{"974", "Saint-Denis", "Indian/Reunion"},
	{"974", "Saint-Leu", "Indian/Reunion"},
	{"975", "Saint-Pierre", "America/Miquelon"},
	{"976", "Mamoudzou", "Indian/Mayotte"},
	{"977", "Gustavia", "America/St_Barthelemy"},
	{"978", "Marigot", "America/Marigot"},
	{"986", "Mata-Utu", "Pacific/Wallis"},
	{"987", "Papeete", "Pacific/Tahiti"},
	{"988", "Nouméa", "Pacific/Noumea"},
}

// abroad has no zone, so that such a contact must be dialled nowhere.
var abroad = place{department: "99"}

// landlinePrefixes are the fictional geographic ranges, mobilePrefix is the
// fictional mobile one; each holds 10,000 numbers.
var landlinePrefixes = []string{"19900", "26191", "35301", "46571", "53649"}

const (
	mobilePrefix = "63998"
	rangeSize    = 10_000
)

// pool deals out fictional numbers, each once.
type pool struct{ mobiles, landlines []string }

func newPool(r *random) *pool {
	p := &pool{}
	for i := range rangeSize {
		p.mobiles = append(p.mobiles, fmt.Sprintf("%s%04d", mobilePrefix, i))
		for _, prefix := range landlinePrefixes {
			p.landlines = append(p.landlines, fmt.Sprintf("%s%04d", prefix, i))
		}
	}
	shuffle(r, p.mobiles)
	shuffle(r, p.landlines)
	return p
}

// spare deals a number that belongs to no person.
func (p *pool) spare() string { return deal(&p.mobiles, &p.landlines) }

func deal(numbers ...*[]string) string {
	for _, n := range numbers {
		if last := len(*n) - 1; last >= 0 {
			number := (*n)[last]
			*n = (*n)[:last]
			return number
		}
	}
	panic("no fictional numbers are left") // Generate refuses before this many.
}

func newPerson(r *random, number string, mobile bool) person {
	p := person{number: number, mobile: mobile, place: pick(r, mainland...), ageBand: newAgeBand(r), gender: newGender(r)}
	switch {
	case r.often(4):
		p.place = abroad
	case r.often(80):
		p.place = pick(r, overseas...)
		if r.often(400) {
			p.zone = p.place.zone
		}
	case r.often(3):
		p.zone = "America/Martinique" // Registered on the mainland, living overseas.
	}
	return p
}

// newAgeBand draws enough people of 65 and over for two parties that both
// order 1,500 of them to collide: there are enough for the first one only.
func newAgeBand(r *random) string {
	switch at := r.below(100); {
	case at < 10:
		return "18-24"
	case at < 26:
		return "25-34"
	case at < 49:
		return "35-49"
	case at < 71:
		return "50-64"
	default:
		return "65+"
	}
}

func newGender(r *random) string {
	switch at := r.below(100); {
	case at < 51:
		return "f"
	case at < 98:
		return "m"
	default:
		return "x"
	}
}

// write puts a number down in one of the ways in which people do.
func write(r *random, number string) string {
	grouped := func(separator string) string {
		n := number
		return n[:1] + separator + n[1:3] + separator + n[3:5] + separator + n[5:7] + separator + n[7:]
	}
	switch r.below(6) {
	case 0:
		return "0" + number
	case 1:
		return "0" + grouped(" ")
	case 2:
		return "+33 " + grouped(" ")
	case 3:
		return "0033" + number
	case 4:
		return "0" + grouped(".")
	default:
		return "0" + grouped("-")
	}
}
