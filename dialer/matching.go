package dialer

import "fmt"

// matching calls each for every contact in the segment, in ascending order of IDs,
// until it returns false. Where the directory counts by columns, only rows that may
// match are read: those that do by what was imported, and those that were corrected
// since.
func (d *Dialer) matching(m matcher, each func(*Contact) bool) error {
	matches := func(row *Contact) bool { return !m.matches(row) || each(row) }
	if d.census == nil {
		return d.directory.Contacts(matches)
	}
	for {
		edition, begun := d.census.Edition(), false
		if edition == nil {
			return nil // nobody was imported yet
		}
		err := d.matchingIn(edition, m, func(row *Contact) bool { begun = true; return matches(row) })
		if err == nil || begun || d.census.Edition() == edition {
			return err
		}
	}
}

func (d *Dialer) matchingIn(edition Edition, m matcher, each func(*Contact) bool) error {
	rows, err := edition.Select(m, nil)
	if err != nil {
		return fmt.Errorf("select a segment: %w", err)
	}
	if err := edition.Locate(d.corrections.contacts(), func(row uint64, _ int) { rows.Add(row) }); err != nil {
		return fmt.Errorf("look for those who were corrected: %w", err)
	}
	return edition.Rows(rows, func(row *Contact) bool {
		if one := d.corrections.of(row.ID); one != nil {
			one.apply(row, d.corrections.attributes)
		}
		return each(row)
	})
}
