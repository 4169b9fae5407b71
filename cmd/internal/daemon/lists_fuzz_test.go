package daemon

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store/intake"
)

// rowsOf calls each for every row of a list that can be read at all.
func rowsOf(list []byte, columns intake.Columns, each func(intake.Row)) {
	reader, err := intake.Open("list.csv", bytes.NewReader(list), columns)
	if err != nil {
		return
	}
	defer reader.Close()
	for {
		row, err := reader.Next()
		var refusal *intake.RowError
		switch {
		case errors.As(err, &refusal):
		case err != nil:
			return
		default:
			each(row)
		}
	}
}

// mustNotTell fails where a refusal shows what it refuses. Its hint is always the
// same text, and may have digits of its own.
func mustNotTell(t *testing.T, row intake.Row, fault *intakeFault) {
	t.Helper()
	told := row.Refuse(fault.column, fault.shape, "").Error()
	if digits := digitsOf(row.Bytes(fault.column)); len(digits) > longestTold && strings.Contains(digitsOf([]byte(told)), digits) {
		t.Errorf("%q shows the field %q", told, row.Text(fault.column))
	}
	if fault.word == "" {
		t.Error("a refusal without a word")
	}
}

// longestTold is how many digits a refusal's own words may have.
const longestTold = 8

// FuzzGrants ensures that no list of grants can break its intake, that what is
// taken proves something, and that what is refused is not shown.
func FuzzGrants(f *testing.F) {
	h := mustMakeHall(f)
	grants, err := newIntakeGrants(&h.desk.options, queue.IntakeOpen{Source: "fuzz"}, newIntakeReport("fuzz"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = grants.abort(context.Background()) })
	f.Add(sampleFiles(f, "grants.csv")["grants.csv"][:4000])
	f.Add([]byte("number,channel,party,purpose,given_at,collected_from,explicit,wording,slot\n0639980001,robocall,party-a,political,2026-11-02T16:11:39+01:00,data_subject,oui,ok,18:00-20:00\n"))
	f.Add([]byte("tel;canal;parti;but;date;provenance;explicite;texte;preuve\n0639980001;sms;party-a;political;2026-11-02;x;1;0639980001;06 39 98 00 01\n"))
	f.Fuzz(func(t *testing.T, list []byte) {
		rowsOf(list, grants.columns(), func(row intake.Row) {
			grant, fault := grants.parse(row)
			if fault != nil {
				mustNotTell(t, row, fault)
				return
			}
			_, registered := h.desk.options.registry.Party(grant.Party)
			switch {
			case !registered || grant.Purpose != consent.Political || grant.Channel == contact.AnyChannel || grant.CollectedFrom == "":
				t.Errorf("a grant for nobody or nothing was taken: %+v", grant.Grant)
			case grant.GivenAt.After(sampleNow) || grant.Contact == contact.ID{}:
				t.Errorf("a grant of nobody, or of tomorrow, was taken: %+v", grant.Grant)
			case grant.Wording == "" || grant.WordingHash != sha256.Sum256([]byte(grant.Wording)):
				t.Error("a grant without its words was taken")
			}
		})
	})
}

// FuzzOutsideLists ensures the same of outside lists, of people and of answers.
func FuzzOutsideLists(f *testing.F) {
	h := mustMakeHall(f)
	h.askFor(f)
	var lists []*intakeOutside
	for _, name := range []string{"PEOPLE", "ANSWERS"} {
		list, err := newIntakeOutside(&h.desk.options, queue.IntakeOpen{
			List: name, FileDate: "2027-04-01", Files: []string{"list.csv"}, Source: "fuzz",
		}, newIntakeReport("fuzz"))
		if err != nil {
			f.Fatal(err)
		}
		lists = append(lists, list.(*intakeOutside))
		f.Cleanup(func() { _ = list.abort(context.Background()) })
	}
	f.Add([]byte("number\n0639980001\n+33 6 39 98 00 02\n"))
	f.Add([]byte("number,answer,since\n0639980001,no,2026-09-01\n0639980002,perhaps,0639980002\n"))
	f.Add([]byte("téléphone;réponse;date of consent\n0639980001;no_data;01/09/2026 10:00\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, list := range lists {
			rowsOf(content, list.columns(), func(row intake.Row) {
				id, value, fault := list.parse(row)
				if fault != nil {
					mustNotTell(t, row, fault)
					return
				}
				if answers := len(list.declared.List) > 1; id == (contact.ID{}) || value.Since.IsZero() == answers || value.Since.After(sampleNow) {
					t.Errorf("a row of nobody, or about no time, was taken: %+v", value)
				}
				value.Contact = id
				if again := readOutsideRow(id, appendOutsideRow(nil, value)); again.Answer != value.Answer || !again.Since.Equal(value.Since) {
					t.Errorf("%+v became %+v on its way", value, again)
				}
			})
		}
	})
}

// FuzzCorrection ensures that no correction can break its reading, that only
// declared values come out of it, and that a refusal does not show what it
// refuses.
func FuzzCorrection(f *testing.F) {
	h := mustMakeHall(f)
	d := &Daemon{intake: h.desk, schema: h.desk.options.schema}
	f.Add("age_band", "35-49", "birth_year", "1980")
	f.Add("territory", "75", "Ville", "Saint-Etienne")
	f.Add("zone", "Europe/Paris", "genre", "0639980001")
	f.Add("téléphone", "0639980001", "", "")
	f.Fuzz(func(t *testing.T, name, value, other, otherValue string) {
		correction, err := d.parseCorrection("+33639980001", map[string]string{name: value, other: otherValue})
		if err != nil {
			for _, text := range []string{value, otherValue} {
				if digits := digitsOf([]byte(text)); len(digits) > longestTold && strings.Contains(digitsOf([]byte(err.Error())), digits) {
					t.Errorf("%v shows %q", err, text)
				}
			}
			return
		}
		for attribute, corrected := range correction.Values {
			at := slices.IndexFunc(h.desk.options.schema.Declared(), func(a dialer.Attribute) bool { return a.Name == attribute })
			if at < 0 || corrected != "" && !slices.Contains(h.desk.options.schema.Declared()[at].Values, corrected) {
				t.Errorf("%s became %q, which is not declared", attribute, corrected)
			}
		}
		if correction.Territory != nil && *correction.Territory != "" {
			if _, known := contact.FindTerritory(*correction.Territory); !known {
				t.Errorf("%q is no territory", *correction.Territory)
			}
		}
	})
}
