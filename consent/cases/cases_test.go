package cases_test

import (
	"strings"
	"testing"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/cases"
)

const sound = `{"id":"A","pack":"FR","channel":"sms","recipient":{"number":"+33639980001","territory":"FR-75","tz":"Europe/Paris","birth_year":1980},` +
	`"at":"2027-03-11T11:00:00+01:00","consent":{"basis":"consent","grants":[]},"history":{"lists":{},"lookup":{"line_type":"mobile"}},` +
	`"campaign":{"party":"party-a","election":{"id":"X","kind":"general","polling_day":"2027-04-18"},"caller_id":"PARTYA",` +
	`"message":{"elements":["identity"]},"targeting":{"attributes":[]},"sponsor":{"eu_eligible":true}},` +
	`"expect":{"decision":"deny","reason":"NO_LAWFUL_BASIS"},"source":"a test"}`

func readAll(text string) (all []*cases.Case, faults []error) {
	for c, err := range cases.Read(strings.NewReader(text)) {
		if err != nil {
			faults = append(faults, err)
			continue
		}
		all = append(all, c)
	}
	return all, faults
}

// Ensure that a line that is not understood is an error which names the line,
// and that reading goes on after it.
func TestRead(t *testing.T) {
	t.Parallel()
	all, faults := readAll("\n" + sound + "\n" + `{"id":"B","colour":"blue"}` + "\n\n" + sound)
	if len(all) != 2 || len(faults) != 1 || !strings.HasPrefix(faults[0].Error(), `line 3: read case: json: unknown field "colour"`) {
		t.Errorf("%d cases, faults %v", len(all), faults)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"id":"A",`, ``, "id: is missing"},
		{`"at":"2027-03-11T11:00:00+01:00",`, ``, "at: is missing"},
		{`"source":"a test"}`, `"source":"a test"} {}`, "more follows"},
		{`"lists":{}`, `"lists":{"internal":{"age":3}}`, `unknown field "age"`},
		{`"source":"a test"`, `"source":"a test","source":"another"`, "source: stands there twice"},
		{`"birth_year":1980`, `"birth_year":1980,"Birth_Year":2020`, "recipient.Birth_Year: stands there twice"},
		{`"birth_year":1980`, `"Birth_Year":1980`, "recipient.Birth_Year: fields are written in lower case"},
		{`"lists":{}`, `"lists":{"TPS":{"hit":true},"tps":{"hit":false}}`, "history.lists.tps: stands there twice"},
		{`"grants":[]`, `"grants":[{"channel":"sms","channel":"robocall"}]`, "consent.grants[0].channel: stands there twice"},
		{sound, strings.Repeat("x", 65<<10), "token too long"},
	} {
		_, faults := readAll(strings.Replace(sound, c.old, c.new, 1))
		if len(faults) == 0 || !strings.Contains(faults[0].Error(), c.want) {
			t.Errorf("%.80s: faults %v, want %s", c.new, faults, c.want)
		}
	}
}

// Ensure that a word that is not known in a case is an error, and never a
// guess.
func TestEval_Refuses(t *testing.T) {
	t.Parallel()
	packs := consent.Packs{"FR": new(consent.Pack)}
	for _, c := range []struct{ old, new, want string }{
		{`"pack":"FR"`, `"pack":"ZZ"`, `pack "ZZ" is not known`},
		{`"channel":"sms"`, `"channel":"fax"`, `campaign: channel "fax" is not known`},
		{`"channel":"sms"`, `"channel":"any"`, "want one channel"},
		{`["identity"]`, `["idenity"]`, `message element "idenity" is not known`},
		{`"2027-04-18"`, `"18 April"`, "election.polling_day"},
		{`"basis":"consent"`, `"basis":"hope"`, `basis "hope" is not known`},
		{`"line_type":"mobile"`, `"line_type":"telepathy"`, `line type "telepathy"`},
		{`"grants":[]`, `"grants":[{"channel":"*"}]`, "consent.grants[0]"},
		{`"grants":[]`, `"grants":[{"channel":"sms","window":"6-8"}]`, "consent.grants[0].window"},
		{`"lists":{}`, `"lists":{"RND":{"answer":"maybe"}}`, "history.lists.RND"},
		{`"caller_id":"PARTYA"`, `"audience":"everybody"`, `audience "everybody"`},
	} {
		all, faults := readAll(strings.Replace(sound, c.old, c.new, 1))
		if len(all) != 1 {
			t.Fatalf("%s: %v", c.new, faults)
		}
		if answer, err := all[0].Eval(packs); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "case A: ") {
			t.Errorf("%s: %+v, error %v, want %s", c.new, answer, err, c.want)
		}
	}
}

// Ensure that a number is taken only in E.164, with nine digits after +33.
func TestQuestion_Number(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]bool{
		"+33639980001": true, "+3363998000": false, "+336399800012": false, "0639980001": false, "+12025550143": true, "": false, "+33 6 39 98 00 01": false,
	} {
		all, faults := readAll(strings.Replace(sound, "+33639980001", number, 1))
		if len(all) != 1 {
			t.Fatal(faults)
		}
		if _, person, err := all[0].Question(); err != nil || person.NumberValid != want {
			t.Errorf("%q: valid %t, error %v", number, person.NumberValid, err)
		}
	}
}

// Ensure that a zone nobody knows denies, and that this machine's own is none.
func TestQuestion_Zone(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string]int{"Europe/Paris": 1, "UTC": 1, "Mars/Base": 0, "Local": 0, "": 0} {
		all, faults := readAll(strings.Replace(sound, "Europe/Paris", zone, 1))
		if len(all) != 1 {
			t.Fatal(faults)
		}
		if _, person, err := all[0].Question(); err != nil || len(person.Zones) != want {
			t.Errorf("%q: %d zones, error %v", zone, len(person.Zones), err)
		}
	}
}
