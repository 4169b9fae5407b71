package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// someNotice is a notice in which everything is said; attack is put where people
// write.
func someNotice(attack string) *Notice {
	reached := uint64(1385)
	return &Notice{
		Campaign: "spring", Party: "Parti des Tilleuls" + attack, Sponsor: "Association" + attack, SponsorEU: true,
		Election: "Élection présidentielle 2027", Round: "FR-PRES-2027-R1", PollingDay: "2027-04-18", Channel: "sms",
		From: "2027-03-09", To: "2027-03-20", Texts: []string{"Publicité politique." + attack, "Autre"},
		Ordered: 1500, Price: "0.35", Amount: "525.00", Currency: "EUR",
		Criteria: []NoticeCriterion{{"age_band", []string{"65+"}}, {"territory", []string{"Paris (FR-75)" + attack}}, {"own_words", []string{"x"}}},
		Reached:  &reached, ReleasedAt: time.Date(2027, time.March, 22, 9, 0, 0, 0, time.UTC), Object: "STOP au 36111",
	}
}

// Ensure that a notice is as its schema says, and withholds what the report withheld.
func TestNotice_JSON(t *testing.T) {
	t.Parallel()
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(NoticeSchema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("notice.schema.json", parsed); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("notice.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	bare := someNotice("")
	bare.From, bare.To, bare.Reached, bare.Criteria, bare.Sandbox = "", "", nil, []NoticeCriterion{}, true
	for _, notice := range []*Notice{someNotice(""), bare} {
		text, err := notice.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := validates(t, compiled, text); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
	if text, _ := bare.JSON(); !bytes.Contains(text, []byte(`"reached": null`)) {
		t.Errorf("what is withheld is told: %s", text)
	}
}

// Ensure that the page says in both languages what the notice says, is well-formed,
// asks for nothing outside, and takes nothing that people wrote for markup.
func TestNotice_HTML(t *testing.T) {
	t.Parallel()
	text, err := someNotice(`<script src="https://evil.example/x.js"></script>`).HTML()
	if err != nil {
		t.Fatal(err)
	}
	page := strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(string(text))
	for _, want := range []string{
		"Avis de transparence", "Transparency notice", "525,00 EUR hors taxes", "525.00 EUR without taxes", "lieu : ", "own words : x",
		"du 9 mars 2027 au 20 mars 2027", "STOP au 36111", "&lt;script",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, never := range []string{"<script", "<img", "<link", "url(", "@import", `src="`} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %q", never)
		}
	}
	decoder := xml.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
	}
}

// Ensure that what was reached is read from a report as it was released.
func TestReportedReach(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"classes":{"reached":120}}`:   "120",
		`{"classes":{"reached":null}}`:  "withheld",
		`{"classes":{"not_reached":5}}`: "error",
		`{`:                             "error",
	} {
		got := "withheld"
		switch reached, err := ReportedReach([]byte(text)); {
		case err != nil:
			got = "error"
		case reached != nil:
			got = english().number(*reached)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
