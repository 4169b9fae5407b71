package report

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"time"
)

// Document is a report in its three renderings. The same heading and figures always give the same bytes.
type Document struct {
	JSON []byte // as [Schema] describes
	CSV  []byte // RFC 4180, a header row and a row per class
	HTML []byte // one self-contained page, French then English

	keyID string // the key that the renderings name
}

// Render writes the report. It errs on a heading that cannot be shown, naming every fault, and on one whose size is not the size
// that the figures were drawn for.
func Render(heading Heading, figures Figures) (Document, error) {
	if err := heading.validate(); err != nil {
		return Document{}, fmt.Errorf("render report: %w", err)
	}
	if heading.Size != figures.size {
		return Document{}, fmt.Errorf("render report: its heading is for %d contacts, its figures for %d", heading.Size, figures.size)
	}
	object, err := renderJSON(heading, figures)
	if err != nil {
		return Document{}, fmt.Errorf("render report as JSON: %w", err)
	}
	table, err := renderCSV(heading, figures)
	if err != nil {
		return Document{}, fmt.Errorf("render report as CSV: %w", err)
	}
	page, err := renderHTML(heading, figures)
	if err != nil {
		return Document{}, fmt.Errorf("render report as HTML: %w", err)
	}
	return Document{JSON: object, CSV: table, HTML: page, keyID: heading.KeyID}, nil
}

//go:embed report.schema.json
var schema []byte

// Schema returns the JSON schema (2020-12) of a report's JSON rendering, as published.
func Schema() []byte { return append([]byte(nil), schema...) }

// Terms are what a reader must know to read figures: how much noise is in them, and how far they may stand from the truth. They are
// written as in a report's JSON rendering.
type Terms struct {
	Epsilon json.Number `json:"epsilon"`
	Margin  Margin      `json:"margin"`
}

// PublishedTerms returns the terms of every report.
func PublishedTerms() Terms {
	return Terms{Epsilon: json.Number(epsilonText()), Margin: reportMargin()}
}

// jsonReport is the JSON rendering; the order of its fields is the order on the page.
type jsonReport struct {
	Sandbox    bool   `json:"sandbox,omitempty"`
	Campaign   string `json:"campaign"`
	Party      string `json:"party"`
	Round      string `json:"round"`
	Channel    string `json:"channel"`
	Size       uint64 `json:"size"`
	Ending     Ending `json:"ending"`
	ReleasedAt string `json:"released_at"`
	Terms
	Classes Figures `json:"classes"`
	KeyID   string  `json:"key_id"`
}

type jsonClasses struct {
	Reached      Figure `json:"reached"`
	NotReached   Figure `json:"not_reached"`
	NotContacted Figure `json:"not_contacted"`
	Unknown      Figure `json:"unknown"`
}

// MarshalJSON writes the figures as the classes of a report's JSON rendering.
func (f Figures) MarshalJSON() ([]byte, error) {
	return json.Marshal(jsonClasses{Reached: f.Reached, NotReached: f.NotReached, NotContacted: f.NotContacted, Unknown: f.Unknown})
}

func renderJSON(heading Heading, figures Figures) ([]byte, error) {
	object, err := json.MarshalIndent(jsonReport{
		Sandbox:    heading.Sandbox,
		Campaign:   heading.Campaign,
		Party:      heading.Party,
		Round:      heading.Round,
		Channel:    heading.Channel,
		Size:       heading.Size,
		Ending:     heading.Ending,
		ReleasedAt: releasedAt(heading),
		Terms:      PublishedTerms(),
		Classes:    figures,
		KeyID:      heading.KeyID,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return append(object, '\n'), nil
}

// releasedAt writes the release as RFC 3339 in UTC, to the second.
func releasedAt(heading Heading) string { return heading.ReleasedAt.UTC().Format(time.RFC3339) }

// epsilonText writes epsilon as the exact decimal of its fraction.
func epsilonText() string { return decimal(epsilonNumerator, epsilonDenominator) }
