package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the golden files anew")

// testKey returns a key that is the same in every run; its secret is all zeros.
func testKey() SigningKey { return signingKeyFromSeed(make([]byte, 32)) }

// testHeading returns a heading with nothing unusual.
func testHeading() Heading {
	paris := time.FixedZone("CET", 3600)
	return Heading{
		Campaign:   "fr-2027-r1-idf-sms-01",
		Party:      "party-a",
		PartyName:  "Parti de l’Été & des Âges",
		Round:      "FR-PRES-2027-R1",
		Election:   "Élection présidentielle 2027, premier tour",
		Channel:    "sms",
		Size:       12_500,
		StartedAt:  time.Date(2027, time.March, 1, 9, 0, 0, 0, paris),
		ClosedAt:   time.Date(2027, time.March, 13, 0, 30, 0, 0, paris), // still the 12th in UTC
		ReleasedAt: time.Date(2027, time.March, 15, 6, 0, 0, 0, paris),
		Ending:     EndingCompleted,
		KeyID:      testKey().KeyID(),
	}
}

// testFigures draws the figures of counts, the same in every run.
func testFigures(t testing.TB, truth Counts) Figures {
	t.Helper()
	figures, err := Draw(stream("figures"), truth)
	if err != nil {
		t.Fatal(err)
	}
	return figures
}

// goldenCase is a report whose renderings stand in testdata.
type goldenCase struct {
	heading Heading
	figures Figures
}

func goldenCases(t testing.TB) map[string]goldenCase {
	t.Helper()
	held := testHeading()
	held.Campaign, held.Channel, held.Ending = "=fr-2027-robocall", "robocall", EndingHeld
	held.Size = 503
	sandbox := testHeading()
	sandbox.Campaign, sandbox.Sandbox, sandbox.Ending = "demo", true, EndingCancelled
	sandbox.StartedAt, sandbox.Size = time.Time{}, 1000
	return map[string]goldenCase{
		"completed": {testHeading(), testFigures(t, Counts{Reached: 7912, NotReached: 2231, NotContacted: 2297, Unknown: 60})},
		"held":      {held, testFigures(t, Counts{Reached: 61, NotReached: 120, NotContacted: 310, Unknown: 12})},
		"sandbox":   {sandbox, testFigures(t, Counts{NotContacted: 1000})},
	}
}

func mustRender(t testing.TB, heading Heading, figures Figures) Document {
	t.Helper()
	document, err := Render(heading, figures)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// Ensure that the same report is the same bytes: in this run, in the next, and after a refactoring.
func TestRender_Golden(t *testing.T) {
	t.Parallel()
	for name, golden := range goldenCases(t) {
		document := mustRender(t, golden.heading, golden.figures)
		if diff := cmp.Diff(document, mustRender(t, golden.heading, golden.figures), cmp.AllowUnexported(Document{})); diff != "" {
			t.Errorf("%s differs from itself: %s", name, diff)
		}
		signatures, err := document.Sign(testKey())
		if err != nil {
			t.Fatal(err)
		}
		for file, got := range map[string][]byte{
			name + ".json": document.JSON, name + ".csv": document.CSV, name + ".html": document.HTML,
			name + ".json.sig": signatures.JSON, name + ".csv.sig": signatures.CSV, name + ".html.sig": signatures.HTML,
		} {
			path := filepath.Join("testdata", file)
			if *update {
				if err := os.WriteFile(path, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			expected, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(expected), string(got)); diff != "" {
				t.Errorf("%s (-expected +got; -update writes it anew):\n%s", file, diff)
			}
		}
	}
}

// compileSchema returns the published schema, formats included.
func compileSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("report.schema.json", parsed); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func validates(t testing.TB, compiled *jsonschema.Schema, object []byte) error {
	t.Helper()
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(object))
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Validate(parsed)
}

// Ensure that every report fits the published schema: all endings, all channels, withheld figures, sandbox or not.
func TestRender_FitsSchema(t *testing.T) {
	t.Parallel()
	compiled := compileSchema(t)
	for _, ending := range Endings() {
		for _, channel := range channels() {
			heading := testHeading()
			heading.Ending, heading.Channel, heading.Sandbox = ending, channel, channel == "sms"
			heading.Size = 9000
			document := mustRender(t, heading, testFigures(t, Counts{Reached: 8990, Unknown: 10}))
			if err := validates(t, compiled, document.JSON); err != nil {
				t.Errorf("%s, %s: %v", ending, channel, err)
			}
		}
	}
}

// Ensure that the schema says what the mechanism does, and no less: a report with any of these edits is refused.
func TestSchema_RefusesWhatIsNeverPublished(t *testing.T) {
	t.Parallel()
	compiled := compileSchema(t)
	golden := goldenCases(t)["completed"]
	object := string(mustRender(t, golden.heading, golden.figures).JSON)
	if err := validates(t, compiled, []byte(object)); err != nil {
		t.Fatal(err)
	}
	reached := `"reached": ` + golden.figures.Reached.String()
	for before, after := range map[string]string{
		reached:                    `"reached": 35`,
		reached + ",":              `"reached": 7912,`,
		reached + ", ":             ``,
		`"epsilon": 0.45`:          `"epsilon": 0.5`,
		`"confidence": 0.95`:       `"confidence": 0.9`,
		`"plus_minus": 9`:          `"plus_minus": 7`,
		`"size": 12500`:            `"size": 499`,
		`"ending": "completed"`:    `"ending": "done"`,
		`"channel": "sms"`:         `"channel": "fax"`,
		`"released_at": "2027-03-`: `"released_at": "2027-13-`,
		`T05:00:00Z`:               `T05:00:00.5Z`,
		`"key_id": "`:              `"key_id": "x`,
		`"party": "party-a"`:       `"party": "party-a", "opted_out": 3`,
		`{` + "\n":                 `{ "sandbox": false, `,
	} {
		edited := strings.Replace(object, before, after, 1)
		if edited == object {
			continue // the edit with a comma and a space only fits a compact rendering
		}
		if err := validates(t, compiled, []byte(edited)); err == nil {
			t.Errorf("%s in place of %s is accepted", after, before)
		}
	}
}

// Ensure that a withheld figure is null in JSON, never a zero and never left out, and that a heading says no more than it may.
func TestRender_JSON_Withheld(t *testing.T) {
	t.Parallel()
	golden := goldenCases(t)["sandbox"]
	var object map[string]any
	if err := json.Unmarshal(mustRender(t, golden.heading, golden.figures).JSON, &object); err != nil {
		t.Fatal(err)
	}
	classes, _ := object["classes"].(map[string]any)
	expected := map[string]any{"reached": nil, "not_reached": nil, "not_contacted": 1000.0, "unknown": nil}
	if diff := cmp.Diff(expected, classes); diff != "" {
		t.Error(diff)
	}
	if object["sandbox"] != true {
		t.Error("the sandbox is not named")
	}
}

// Ensure that a heading that cannot be shown is refused, and that the error names each fault.
func TestRender_HeadingFaults(t *testing.T) {
	t.Parallel()
	figures := goldenCases(t)["completed"].figures
	for fault, spoil := range map[string]func(*Heading){
		"campaign: is empty":                 func(h *Heading) { h.Campaign = "" },
		"party: has the character U+000A":    func(h *Heading) { h.Party = "a\nb" },
		"party name: has the character U+20": func(h *Heading) { h.PartyName = "a\u202eb" },
		"round: is not UTF-8":                func(h *Heading) { h.Round = "a\xff" },
		"election: has 201 bytes":            func(h *Heading) { h.Election = strings.Repeat("e", 201) },
		`channel "fax"`:                      func(h *Heading) { h.Channel = "fax" },
		`ending ""`:                          func(h *Heading) { h.Ending = "" },
		`key id "ABCDEF0123456789"`:          func(h *Heading) { h.KeyID = "ABCDEF0123456789" },
		"for 12505 contacts, its figures":    func(h *Heading) { h.Size = 12_505 },
		"ordered size 0 is under":            func(h *Heading) { h.Size = 0 },
		"closed at 0001":                     func(h *Heading) { h.ClosedAt = time.Time{} },
		"closed at 2026":                     func(h *Heading) { h.ClosedAt = h.StartedAt.AddDate(-1, 0, 0) },
		"released at 2027":                   func(h *Heading) { h.ReleasedAt = h.ClosedAt.Add(-time.Second) },
	} {
		heading := testHeading()
		spoil(&heading)
		document, err := Render(heading, figures)
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: got %v", fault, err)
		}
		if document.JSON != nil || document.CSV != nil || document.HTML != nil {
			t.Errorf("%s: rendered all the same", fault)
		}
	}
}

// Ensure that figures that nobody drew cannot be rendered.
func TestRender_ZeroFigures(t *testing.T) {
	t.Parallel()
	if _, err := Render(testHeading(), Figures{}); err == nil {
		t.Error("rendered")
	}
}
