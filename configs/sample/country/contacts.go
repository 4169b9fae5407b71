package country

import "strconv"

// contactFiles is how many files the contacts stand in, each written by a
// machine of another kind.
const contactFiles = 4

// yearOfLists is the year from which ages count.
const yearOfLists = 2027

// dialect is how one machine writes contacts.
type dialect struct {
	header    string
	delimiter byte
	lineEnd   string
	// windows: Windows-1252. bare: departments without the country before them.
	// quoted: texts in quotes. years: years of birth in the place of bands.
	windows, bare, quoted, years bool
}

var dialects = [contactFiles]dialect{
	{header: "synthetic_number,territory,age_band,gender,commune,income_band", delimiter: ',', lineEnd: "\n"},
	{
		header:    "Synthetic t\xe9l\xe9phone;D\xe9partement;Tranche d'\xe2ge;Sexe;Commune;income_band",
		delimiter: ';', lineEnd: "\r\n", windows: true, bare: true,
	},
	{header: "synthetic mobile\tterritory\tbirth_year\tgender\tcommune\tincome_band", delimiter: '\t', lineEnd: "\n", years: true},
	{header: `"synthetic number","territory","age_band","gender","commune","income_band"`, delimiter: ',', lineEnd: "\n", quoted: true},
}

// contactRows returns what appends the rows of one of the files.
func (n *nation) contactRows(dialect *dialect) func(to []byte, row uint64) []byte {
	return func(to []byte, row uint64) []byte {
		d := drawsOf(n.options.Seed, streamWriting, row)
		if n.kindOf(row) == faulty {
			return dialect.appendFaulty(to, &d, n.personAt(row))
		}
		p := n.personAt(n.origin(row))
		to = dialect.appendRow(to, &p, func(to []byte) []byte { return appendNumber(to, &d, p.number) })
		return append(to, dialect.lineEnd...)
	}
}

func (l *dialect) appendRow(to []byte, p *person, number func([]byte) []byte) []byte {
	to = number(to)
	to = append(to, l.delimiter)
	if !l.bare {
		to = append(to, "FR-"...)
	}
	to = append(append(to, p.place.department...), l.delimiter)
	if l.years {
		to = strconv.AppendUint(to, yearOfLists-1-p.age, 10)
	} else {
		to = append(to, bandOf(p.age)...)
	}
	to = append(to, l.delimiter, p.gender, l.delimiter)
	if p.townsman {
		to = l.appendText(to, p.place)
	}
	return append(append(to, l.delimiter), p.income...)
}

func (l *dialect) appendText(to []byte, place *place) []byte {
	switch {
	case l.windows:
		return append(to, place.communeWindows...)
	case l.quoted:
		return append(append(append(to, '"'), place.commune...), '"')
	default:
		return append(to, place.commune...)
	}
}

// appendFaulty appends a row that an import has to refuse.
func (l *dialect) appendFaulty(to []byte, d *draws, p person) []byte {
	digits := digitsOf(p.number)
	number := func(to []byte) []byte { return append(append(to, '0'), digits[:]...) }
	switch d.below(5) {
	case 0: // too short
		to = l.appendRow(to, &p, func(to []byte) []byte { return append(append(to, '0'), digits[:nationalDigits-3]...) })
	case 1: // no number at all
		to = l.appendRow(to, &p, func(to []byte) []byte { return append(to, "liste rouge"...) })
	case 2: // nothing where the number should be
		to = l.appendRow(to, &p, func(to []byte) []byte { return to })
	case 3: // a department that has been two for long
		p.place = &place{department: "20"}
		to = l.appendRow(to, &p, number)
	default: // a field too many
		to = append(append(l.appendRow(to, &p, number), l.delimiter), "sans suite"...)
	}
	return append(to, l.lineEnd...)
}

// plainRow appends the person of a row, where it is the first one of the person.
func (n *nation) plainRow(to []byte, row uint64) []byte {
	if n.kindOf(row) != onePerson {
		return to
	}
	p := n.personAt(row)
	digits := digitsOf(p.number)
	to = dialects[0].appendRow(to, &p, func(to []byte) []byte { return append(append(to, "33"...), digits[:]...) })
	return append(to, '\n')
}
