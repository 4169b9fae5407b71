package sample

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/store/intake"
)

var ageBands = []string{"18-24", "25-34", "35-49", "50-64", "65+"}

// Ensure that the README says what the lists hold.
func TestFiles_Counts(t *testing.T) {
	t.Parallel()
	readme, err := Files.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	c := &census{ages: map[string]string{}, counts: map[string]int{}, granted: map[string]map[string]bool{}}
	c.contacts(t)
	c.optOuts(t)
	c.grants(t)
	for _, line := range c.lines() {
		if !strings.Contains(string(readme), line) {
			t.Errorf("README.md does not say: %s", line)
		}
	}
}

// census counts the lists as an import would.
type census struct {
	ages    map[string]string // mobiles that can be dialled somewhere
	granted map[string]map[string]bool
	counts  map[string]int
}

func (c *census) contacts(t *testing.T) {
	t.Helper()
	seen, rows := map[string]bool{}, 0
	for _, name := range listNames[:2] {
		for _, row := range readList(t, ".", name, contactColumns) {
			rows++
			number := nationalDigits(row[0])
			valid := len(number) == len("639980001")
			if !valid || rows%50 == 0 { // Reading every number in full takes seconds with the race detector.
				if _, line, err := contact.Parse(row[0], "FR"); (err == nil && line.Valid) != valid {
					t.Errorf("%s: a number of %d digits is valid: %t", name, len(number), line.Valid)
				}
			}
			territory, known := contact.FindTerritory("FR-" + strings.TrimPrefix(row[1], "FR-"))
			switch {
			case row[0] == "":
				c.counts["no number"]++
			case !valid:
				c.counts["not a number"]++
			case !known:
				c.counts["territory"]++
			case !slices.Contains(ageBands, row[2]):
				c.counts["age band"]++
			case seen[number]:
				c.counts["again"]++
			case !strings.HasPrefix(number, mobilePrefix):
				c.counts["landline"]++
			default:
				c.mobile(number, territory, row)
			}
			if valid {
				seen[number] = true
			}
		}
	}
	c.counts["ragged"] = committed.Contacts - rows
}

func (c *census) mobile(number string, territory *contact.Territory, row []string) {
	c.counts["mobile"]++
	c.counts[row[2]]++
	if row[5] != "" {
		c.counts["zone"]++
	}
	switch {
	case len(territory.Zones) == 0:
		c.counts["abroad"]++
		return
	case territory.Region != "FR" || strings.HasPrefix(territory.Code, "FR-2A") || territory.Code == "FR-2B":
		c.counts["overseas"]++
	}
	c.ages[number] = row[2]
}

func (c *census) optOuts(t *testing.T) {
	t.Helper()
	for _, row := range readList(t, ".", "optouts.csv", optOutColumns) {
		c.counts["opt-outs"]++
		delete(c.ages, nationalDigits(row[0]))
	}
}

func (c *census) grants(t *testing.T) {
	t.Helper()
	polling := time.Date(2027, time.April, 18, 0, 0, 0, 0, time.UTC)
	for _, row := range readList(t, ".", "grants.csv", grantColumns) {
		explicit, err := intake.ParseBool(row[6])
		if err != nil {
			t.Fatal("grant: ", err)
		}
		at, err := intake.ParseInstant(row[4], recent.Location())
		if err != nil {
			t.Fatal("grant: ", err)
		}
		c.counts[row[2]+" "+row[1]]++
		switch {
		case row[1] != "sms":
		case at.AddDate(3, 0, 0).Before(polling):
			c.counts["expired"]++
		case !explicit:
			c.counts["not explicit"]++
		case row[5] != "data_subject":
			c.counts["indirect"]++
		case c.ages[nationalDigits(row[0])] == "65+":
			number := nationalDigits(row[0])
			if c.granted[number] == nil {
				c.granted[number] = map[string]bool{}
			}
			c.granted[number][row[2]] = true
		}
	}
}

func (c *census) lines() []string {
	a, b, either := 0, 0, len(c.granted)
	for _, parties := range c.granted {
		if parties["party-a"] {
			a++
		}
		if parties["party-b"] {
			b++
		}
	}
	n := c.counts
	return []string{
		fmt.Sprintf("%d mobiles, %d landlines, %d rows again", n["mobile"], n["landline"], n["again"]),
		fmt.Sprintf("%d of 18-24, %d of 25-34, %d of 35-49, %d of 50-64, %d of 65+", n["18-24"], n["25-34"], n["35-49"], n["50-64"], n["65+"]),
		fmt.Sprintf("%d overseas or in Corsica, %d abroad, %d with a zone of their own", n["overseas"], n["abroad"], n["zone"]),
		fmt.Sprintf("%d ragged, %d not a number, %d no number, %d territory FR-20, %d age band", n["ragged"], n["not a number"], n["no number"], n["territory"], n["age band"]),
		fmt.Sprintf("party-a %d sms and %d robocall, party-b %d sms and %d robocall", n["party-a sms"], n["party-a robocall"], n["party-b sms"], n["party-b robocall"]),
		fmt.Sprintf("%d expired by April 2027, %d not explicit, %d indirect", n["expired"], n["not explicit"], n["indirect"]),
		fmt.Sprintf("%d opt-outs", n["opt-outs"]),
		fmt.Sprintf("65+ by text: %d for party-a, %d for party-b, %d for either", a, b, either),
	}
}
