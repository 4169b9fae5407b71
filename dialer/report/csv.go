package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// csvColumns is the header row. Every row carries the whole heading, so that the rows of many reports can be put one below the
// other.
func csvColumns() []string {
	return []string{
		"sandbox", "campaign", "party", "round", "channel", "size", "ending", "released_at",
		"class", "contacts", "withheld", "epsilon", "confidence", "plus_minus", "key_id",
	}
}

// renderCSV writes the table. A withheld figure is an empty contacts cell with true in the withheld cell: an empty cell alone would
// be summed as a zero.
func renderCSV(heading Heading, figures Figures) ([]byte, error) {
	sandbox := ""
	if heading.Sandbox {
		sandbox = "SANDBOX"
	}
	rows := [][]string{csvColumns()}
	for _, class := range figures.classes() {
		contacts, shown := class.figure.Contacts()
		cell := ""
		if shown {
			cell = strconv.FormatUint(contacts, 10)
		}
		rows = append(rows, []string{
			sandbox, heading.Campaign, heading.Party, heading.Round, heading.Channel,
			strconv.FormatUint(heading.Size, 10), string(heading.Ending), releasedAt(heading),
			class.name, cell, strconv.FormatBool(!shown), epsilonText(), reportMargin().Confidence.String(),
			strconv.FormatUint(reportMargin().PlusMinus, 10), heading.KeyID,
		})
	}
	for _, row := range rows {
		for column := range row {
			row[column] = csvCell(row[column])
		}
	}
	var buffer bytes.Buffer
	writer := csv.NewWriter(&buffer)
	writer.UseCRLF = true // RFC 4180
	if err := writer.WriteAll(rows); err != nil {
		return nil, fmt.Errorf("write rows: %w", err)
	}
	return buffer.Bytes(), nil
}

// csvCell puts an apostrophe before whatever a spreadsheet would run as a formula: a campaign may be named by whoever orders it. Cells
// do not only begin where this file says so: a spreadsheet in a country of decimal commas cuts lines at semicolons, others at tabs
// or bars, and quotes may open a cell. What follows one of these is therefore looked at, too. The characters are those of OWASP's
// "CSV Injection" page, the full-width ones included. No figure begins with any of them.
func csvCell(value string) string {
	var safe strings.Builder
	opens := true // a cell may begin here
	for rest := value; rest != ""; {
		char, size := utf8.DecodeRuneInString(rest)
		if opens && strings.ContainsRune(formulaStarts, char) {
			safe.WriteByte('\'')
		}
		safe.WriteString(rest[:size]) // as it is: an invalid byte must not become another
		opens = strings.ContainsRune(cellStarts, char)
		rest = rest[size:]
	}
	return safe.String()
}

// What a spreadsheet takes for the start of a formula, and after what it may begin a cell.
const (
	formulaStarts = "=+-@\t\r\n＝＋－＠"
	cellStarts    = ",;|\t\r\n\"'"
)

// class is a figure with its name in the JSON and CSV renderings.
type class struct {
	name   string
	figure Figure
}

// classes returns the figures in the order of all renderings.
func (f Figures) classes() []class {
	return []class{
		{"reached", f.Reached},
		{"not_reached", f.NotReached},
		{"not_contacted", f.NotContacted},
		{"unknown", f.Unknown},
	}
}
