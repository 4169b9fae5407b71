package daemon

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store/intake"
)

// contactErase lets nobody reach the contact any more before it answers. The
// directory lets go of them right after.
func (d *Daemon) contactErase(ctx context.Context, request queue.Request) (any, error) {
	number, _, look, err := d.openContact(request)
	if err != nil {
		return nil, err
	}
	erased, err := d.dialer.Erase(ctx, number, look)
	if err != nil {
		return nil, err
	}
	select {
	case d.erasures <- struct{}{}:
	default: // the eraser looks anyway
	}
	return erased, nil
}

// contactRectify corrects declared attributes of one contact, read as an import
// would read them.
func (d *Daemon) contactRectify(ctx context.Context, request queue.Request) (any, error) {
	number, asked, look, err := d.openContact(request)
	if err != nil {
		return nil, err
	}
	correction, err := d.parseCorrection(number.E164(), asked.Set)
	if err != nil {
		return nil, err
	}
	id, err := d.dialer.Rectify(ctx, number, correction, look)
	if errors.Is(err, dialer.ErrUnknownContact) {
		return nil, &queue.ControlError{
			Code: queue.CodeNotFound, Message: "the directory does not have this contact, so there is nothing to correct",
			Hint: "dialctl contact file shows what is kept of them",
		}
	}
	if err != nil {
		return nil, err
	}
	return queue.RectifyAnswer{Contact: id, Corrected: correction.Names()}, nil
}

// parseCorrection reads what is to be corrected, by the names and headers of
// directory.yaml. What follows from a value is corrected with it, as at import:
// the band of ages from the year of birth and the other way round, and an
// attribute that follows the territory.
func (d *Daemon) parseCorrection(number string, set map[string]string) (dialer.Correction, error) {
	parser := newIntakeParser(&d.intake.options, d.intake.zones)
	parser.countries = nil // whoever is in the directory may have their facts put right
	refuse := func(message, hint string) (dialer.Correction, error) {
		return dialer.Correction{}, &queue.ControlError{Code: queue.CodeInvalid, Message: message, Hint: hint}
	}
	if len(set) == 0 {
		return refuse("nothing is to be corrected", "say what, such as --set age_band=35-49")
	}
	fields := make([][]byte, len(parser.declared.List))
	fields[columnNumber] = []byte(number)
	given := make([]bool, len(fields))
	for _, name := range slices.Sorted(maps.Keys(set)) {
		column := parser.columnNamed(name)
		if !parser.corrects(column) {
			return refuse("no attribute of that name can be corrected", "declared: "+strings.Join(parser.correctable(), ", "))
		}
		if given[column] {
			return refuse(parser.declared.List[column].Name+" is given twice", "")
		}
		fields[column], given[column] = []byte(strings.TrimSpace(set[name])), true
	}
	row := dialer.Contact{Values: make([]uint16, len(parser.attributes))}
	if _, fault := parser.parse(func(column int) []byte { return fields[column] }, &row); fault != nil {
		return refuse(parser.declared.List[fault.column].Name+": "+fault.word+": "+fault.shape, fault.hint)
	}
	return parser.correction(given, &row), nil
}

// columnNamed returns the declared column of that name or header, -1 for none.
func (p *intakeParser) columnNamed(name string) int {
	folded := intake.Fold(name)
	return slices.IndexFunc(p.declared.List, func(c intake.Column) bool {
		return intake.Fold(c.Name) == folded || slices.ContainsFunc(c.Synonyms, func(s string) bool { return intake.Fold(s) == folded })
	})
}

// corrects tells whether the column can be corrected. The number is the contact,
// and whose number it is only a list can tell.
func (p *intakeParser) corrects(column int) bool {
	return column > columnNumber && (p.person == 0 || column != p.person)
}

// correctable names the columns that can be corrected.
func (p *intakeParser) correctable() []string {
	var names []string
	for column, declared := range p.declared.List {
		if p.corrects(column) {
			names = append(names, declared.Name)
		}
	}
	return names
}

// correction is what was given, and what follows from it.
func (p *intakeParser) correction(given []bool, row *dialer.Contact) dialer.Correction {
	correction := dialer.Correction{Values: map[string]string{}}
	if given[columnTerritory] {
		code := ""
		if row.Territory != nil {
			code = row.Territory.Code
		}
		correction.Territory = &code
	}
	if given[columnZone] {
		zone := ""
		if row.Zone != nil {
			zone = row.Zone.String()
		}
		correction.Zone = &zone
	}
	aged := given[columnBirthYear]
	for _, a := range p.attributes {
		aged = aged || len(a.bands) > 0 && given[a.column]
	}
	if aged {
		correction.BirthYear = &row.BirthYear
	}
	for i, a := range p.attributes {
		follows := a.column == 0 && given[columnTerritory] || len(a.bands) > 0 && aged
		if !follows && (a.column == 0 || !given[a.column]) {
			continue
		}
		correction.Values[a.name] = ""
		if row.Values[i] > 0 {
			correction.Values[a.name] = p.valueOf(i, row.Values[i])
		}
	}
	return correction
}
