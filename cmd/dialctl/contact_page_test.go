package main

import (
	"html"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// Ensure that the page says in each language all that the file has, in the same
// words for the same things, and that nothing in it can become markup.
func TestRenderContactPage(t *testing.T) {
	t.Parallel()
	at := time.Date(2027, 3, 9, 10, 0, 0, 0, time.UTC)
	file := &dialer.ContactFile{
		Contact: contact.ID{1, 2, 3}, Number: "+3••••••••", Asked: at, Sandbox: true, Erased: at, Waiting: at,
		Directory: &dialer.DirectoryFile{Source: "Contacts <b>Citoyens</b>", Collected: at, Line: "mobile", Attributes: map[string]string{"commune": "Saint-Étienne"}},
		Grants:    []dialer.GrantFile{{Version: 3, Party: "party-a", Channel: "sms", GivenAt: at, Wording: "J'accepte <script>", Evidence: "form 4711"}},
		Objections: []dialer.Objection{
			{Contact: contact.ID{1, 2, 3}, Party: "*", At: at, Way: "sms"},
		},
		Claims:    []dialer.ClaimFile{{Round: "FR-PRES-2027-R1", Party: "party-a"}},
		Campaigns: []dialer.CampaignFile{{Campaign: "spring", Party: "party-a", State: "final", Outcome: "delivered"}},
		Attempts:  []dialer.AttemptFile{{Campaign: "spring", Party: "party-a", Sender: "TILLEULS", At: at, Text: "Votez ! STOP au 36111", Outcome: "delivered", Grant: 3}},
		Lists:     []dialer.ListEntry{{List: "TPS", FileDate: at}},
	}
	for _, language := range pageLanguages() {
		var page strings.Builder
		if err := renderContactPage(&page, language, file); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			`<html lang="` + language + `">`, "SANDBOX", "+3••••••••", "Contacts &lt;b&gt;Citoyens&lt;/b&gt;", "Saint-Étienne", "form 4711", "spring",
			"Votez ! STOP au 36111", "TPS", "FR-PRES-2027-R1", "TILLEULS", "2027-03-09 10:00 UTC", pageWords[language]["erasedIs"], pageWords[language]["all"],
		} {
			if !strings.Contains(page.String(), want) && !strings.Contains(html.UnescapeString(page.String()), want) {
				t.Errorf("%s: the page lacks %q", language, want)
			}
		}
		for _, wrong := range []string{"<script>", "<b>", "no value", "http://", "https://"} {
			if strings.Contains(page.String(), wrong) {
				t.Errorf("%s: the page has %q", language, wrong)
			}
		}
		if got, want := slices.Sorted(maps.Keys(pageWords[language])), slices.Sorted(maps.Keys(pageWords["en"])); !slices.Equal(got, want) {
			t.Errorf("%s: the words are %v, want %v", language, got, want)
		}
	}
}
