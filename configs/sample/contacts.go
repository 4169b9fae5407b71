package sample

import "errors"

// fault is what is wrong with a contact row, so that an import has something
// to refuse.
type fault uint8

const (
	sound fault = iota
	shortNumber
	lettersInNumber
	noNumber
	unknownTerritory
	unknownAgeBand
	ragged
	faultKinds = iota - 1
)

// entry is one contact row to be written.
type entry struct {
	person int
	fault  fault
}

// entries puts all contact rows in random order: each person once, some of
// them again, and the faulty ones between them.
func entries(r *random, share shares) []entry {
	people := share.mobiles + share.landlines
	rows := make([]entry, 0, people+share.twice+share.faulty)
	for i := range people {
		rows = append(rows, entry{person: i})
	}
	for range share.twice {
		rows = append(rows, entry{person: r.below(people)})
	}
	for i := range share.faulty {
		rows = append(rows, entry{fault: sound + 1 + fault(i%faultKinds)})
	}
	shuffle(r, rows)
	return rows
}

// writeContacts writes three rows in five to the first file, the rest to the
// second.
func writeContacts(r *random, dir string, people []person, rows []entry, numbers *pool) (err error) {
	first, err := createSpreadsheetList(dir, "contacts-1.csv", "Téléphone", "Département", "age_band", "gender", "commune", "zone")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, first.close()) }()
	second, err := createPackedList(dir, "contacts-2.csv.gz", "number", "territory", "age_band", "gender", "commune", "zone")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, second.close()) }()
	for i, row := range rows {
		target, prefix := first, ""
		if i >= len(rows)*3/5 {
			target, prefix = second, "FR-"
		}
		if err := target.write(row.fields(r, people, numbers, prefix)...); err != nil {
			return err
		}
	}
	return nil
}

// fields writes a row down; the prefix stands before the department's code.
func (e entry) fields(r *random, people []person, numbers *pool, prefix string) []string {
	var p person
	if e.fault == sound {
		p = people[e.person]
	} else {
		p = newPerson(r, numbers.spare(), true)
	}
	number, department := write(r, p.number), p.place.department
	switch e.fault {
	case shortNumber:
		number = number[:len(number)-3]
	case lettersInNumber:
		number = pick(r, "inconnu", "liste rouge", number[:len(number)-2]+"AB")
	case noNumber:
		number = ""
	case unknownTerritory:
		department = "20"
	case unknownAgeBand:
		p.ageBand = pick(r, "18-30", "senior", "66", "?")
	case sound, ragged:
	}
	fields := []string{number, prefix + department, p.ageBand, p.gender, p.place.commune, p.zone}
	if e.fault == ragged {
		return pick(r, fields[:3], append(fields, "sans suite"))
	}
	return fields
}
