package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"math/big"
	"time"
)

//go:embed page
var pageFiles embed.FS

// pageTemplates holds the page. It is well-formed XML besides being HTML, so that a test can read it with the standard library.
var pageTemplates = template.Must(template.ParseFS(pageFiles, "page/*"))

// page is what page.html shows.
type page struct {
	Heading
	French, English edition
}

// edition is what french.html, english.html and figures.html show: everything already written in the language.
type edition struct {
	Lang                     string
	Campaign, Round, Channel string
	Size                     string
	Started, StartedDate     string // both empty for a campaign that never started
	Closed, ClosedDate       string
	Released                 string
	ReleasedInstant          string
	Ending, Promise          string
	Qualified                bool // the promise does not cover this ending in full
	Sandbox                  bool
	KeyID                    string

	Bars                   []bar
	PlusMinus, Confidence  string // contacts; percent
	Threshold, Rounding    string
	Epsilon, PersonEpsilon string
	Factor                 string // exp(PersonEpsilon), rounded up
	Words                  shortWords
}

// shortWords are the words that figures.html places itself.
type shortWords struct {
	TableCaption, ClassColumn, FigureColumn  string
	Withheld, Colon                          string
	ChartTitle, ChartCaption, WhiskerCaption string
}

// bar is one class in the table and in the chart. Lengths are SVG lengths: percent of the chart's width, which is the ordered size.
type bar struct {
	Name, Meaning    string
	Shown            bool
	Contacts         string
	Top              string
	Width, Low, High string
}

// renderHTML writes the page.
func renderHTML(heading Heading, figures Figures) ([]byte, error) {
	var buffer bytes.Buffer
	err := pageTemplates.ExecuteTemplate(&buffer, "page.html", page{
		Heading: heading,
		French:  newEdition(french(), heading, figures),
		English: newEdition(english(), heading, figures),
	})
	if err != nil {
		return nil, fmt.Errorf("execute template: %w", err)
	}
	return buffer.Bytes(), nil
}

func newEdition(w words, heading Heading, figures Figures) edition {
	ending := w.endings[heading.Ending]
	released := heading.ReleasedAt.UTC()
	shown := edition{
		Lang:            w.lang,
		Campaign:        heading.Campaign,
		Round:           heading.Round,
		Channel:         w.channels[heading.Channel],
		Size:            w.number(heading.Size),
		Closed:          w.day(heading.ClosedAt),
		ClosedDate:      heading.ClosedAt.Format(time.DateOnly),
		Released:        w.instant(w.day(released), released.Format("15:04")),
		ReleasedInstant: releasedAt(heading),
		Ending:          ending.name,
		Promise:         ending.promise,
		Qualified:       heading.Ending.DependsOnPeople(),
		Sandbox:         heading.Sandbox,
		KeyID:           heading.KeyID,
		PlusMinus:       w.number(reportMargin().PlusMinus),
		Confidence:      w.fraction(decimal(100*confidenceNumerator, confidenceDenominator)),
		Threshold:       w.number(Threshold),
		Rounding:        w.number(rounding),
		Epsilon:         w.fraction(epsilonText()),
		PersonEpsilon:   w.fraction(decimal(figuresPerPerson*epsilonNumerator, epsilonDenominator)),
		Factor:          w.fraction(personFactor()),
		Words: shortWords{
			TableCaption:   w.tableCaption,
			ClassColumn:    w.classColumn,
			FigureColumn:   w.figureColumn,
			Withheld:       w.withheld,
			Colon:          w.colon,
			ChartTitle:     w.chartTitle,
			ChartCaption:   w.chartCaption,
			WhiskerCaption: w.whiskerCaption,
		},
	}
	if !heading.StartedAt.IsZero() {
		shown.Started = w.day(heading.StartedAt)
		shown.StartedDate = heading.StartedAt.Format(time.DateOnly)
	}
	for row, class := range figures.classes() {
		shown.Bars = append(shown.Bars, newBar(w, row, class, figures.size))
	}
	return shown
}

func newBar(w words, row int, class class, size uint64) bar {
	// Rows of the chart are 3.2 em high, written in tenths.
	const rowHeight = 32
	named := w.classes[class.name]
	drawn := bar{
		Name:    named.name,
		Meaning: named.meaning,
		Top:     decimal(int64(row)*rowHeight, 10) + "em",
	}
	contacts, shown := class.figure.Contacts()
	if shown {
		drawn.Shown = true
		drawn.Contacts = w.number(contacts)
		drawn.Width = share(contacts, size)
		drawn.Low = share(contacts-reportMargin().PlusMinus, size) // a shown figure is over the margin: Threshold is
		drawn.High = share(min(contacts+reportMargin().PlusMinus, size), size)
	}
	return drawn
}

// share writes part/whole as a percentage, cut to hundredths.
func share(part, whole uint64) string {
	hundredths := part * 10_000 / whole
	return fmt.Sprintf("%d.%02d%%", hundredths/100, hundredths%100)
}

// figuresPerPerson is how many figures one person's outcome touches: the one that it leaves and the one that it joins.
const figuresPerPerson = 2

// personFactor writes exp(0.9), the most that one person's outcome can change the probability of a report, rounded up to hundredths.
func personFactor() string {
	_, high := encloseExp(big.NewRat(figuresPerPerson*epsilonNumerator, epsilonDenominator))
	hundredths := new(big.Int).Mul(high.Num(), big.NewInt(100))
	hundredths.Add(hundredths, high.Denom())
	hundredths.Quo(hundredths, high.Denom()) // floor + 1: the factor is irrational, so this is the ceiling
	return new(big.Rat).SetFrac(hundredths, big.NewInt(100)).FloatString(2)
}
