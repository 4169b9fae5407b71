package country

// kind is what stands in a row of contacts.
type kind uint8

const (
	onePerson kind = iota // somebody for the first time
	twice                 // somebody who stands in another row, too
	faulty                // nothing that could be taken
)

// nation is what all lists of a run are drawn from.
type nation struct {
	options   Options
	places    *places
	mobiles   numbering
	landlines numbering
}

func newNation(options Options) (*nation, error) {
	places, err := newPlaces()
	if err != nil {
		return nil, err
	}
	d := drawsOf(options.Seed, streamNumbers, 0)
	return &nation{
		options: options, places: places,
		mobiles: newNumbering(mobileRanges, &d), landlines: newNumbering(landlineRanges, &d),
	}, nil
}

const (
	faultyPerMille   = 5
	twicePerMille    = 15
	landlinePerMille = 90
)

// kindOf says what stands in a row: in the first one, a person.
func (n *nation) kindOf(row uint64) kind {
	if row == 0 {
		return onePerson
	}
	d := drawsOf(n.options.Seed, streamRow, row)
	switch at := d.below(1000); {
	case at < faultyPerMille:
		return faulty
	case at < faultyPerMille+twicePerMille:
		return twice
	default:
		return onePerson
	}
}

// origin returns the row in which the person of this one stands for the first
// time.
func (n *nation) origin(row uint64) uint64 {
	d := drawsOf(n.options.Seed, streamRow, row)
	d.next()
	for n.kindOf(row) != onePerson {
		row = d.below(row)
	}
	return row
}

// person is an invented contact.
type person struct {
	number uint64 // nine national digits
	mobile bool
	place  *place
	// townsman tells that the person votes in the commune of the place.
	townsman bool
	age      uint64
	gender   byte
	income   string
}

func (n *nation) personAt(row uint64) person {
	d := drawsOf(n.options.Seed, streamPerson, row)
	p := person{mobile: !d.often(landlinePerMille)}
	if p.mobile {
		p.number = n.mobiles.number(row)
	} else {
		p.number = n.landlines.number(row)
	}
	p.place = n.places.draw(&d)
	p.townsman = d.often(p.place.perMille)
	p.age = drawAge(&d)
	p.gender = "ffffffffffffffffffffffffffmmmmmmmmmmmmmmmmmmmmmmmmx"[d.below(51)]
	p.income = incomes[d.below(uint64(len(incomes)))]
	return p
}

// incomes stand as often as the share of people asks for; some say nothing.
var incomes = [...]string{"under-15k", "15k-25k", "15k-25k", "25k-40k", "25k-40k", "25k-40k", "40k-60k", "40k-60k", "over-60k", ""}

// ages are the bands of the example of directory.yaml, with the share of people
// in each, in per cent.
var ages = [...]struct {
	from, to, share uint64
	band            string
}{
	{18, 24, 10, "18-24"}, {25, 34, 15, "25-34"}, {35, 49, 24, "35-49"}, {50, 64, 25, "50-64"}, {65, 95, 26, "65+"},
}

func drawAge(d *draws) uint64 {
	at := d.below(100)
	for _, band := range ages {
		if at < band.share {
			return band.from + d.below(band.to-band.from+1)
		}
		at -= band.share
	}
	return ages[len(ages)-1].from
}

func bandOf(age uint64) string {
	for _, band := range ages {
		if age <= band.to {
			return band.band
		}
	}
	return ages[len(ages)-1].band
}
