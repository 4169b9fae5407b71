package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Notice is the transparency notice of a campaign, for the public: who has paid what
// for which message to whom, and how many it has reached, as the party's report has
// it (regulation (EU) 2024/900, art. 12 and annex I; techniques and criteria of
// targeting, art. 19). It says nothing that the order and the report do not say.
type Notice struct {
	Campaign string `json:"campaign"`
	// Party is who speaks, Sponsor who pays, as declared (art. 7), and SponsorEU
	// whether the sponsor may pay in the three months before a poll (art. 5(2)).
	Party     string `json:"party"`
	Sponsor   string `json:"sponsor"`
	SponsorEU bool   `json:"sponsor_eu"`
	// Election and Round are the poll that the message is linked to, on PollingDay.
	Election   string `json:"election"`
	Round      string `json:"round"`
	PollingDay string `json:"polling_day"`
	Channel    string `json:"channel"`
	// From and To are the days of dissemination; empty for a campaign that never began.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Texts are the messages as they were sent.
	Texts []string `json:"texts"`
	// Ordered counts the contacts that were ordered. Price is flat for each of them,
	// and Amount for all, in Currency, without taxes.
	Ordered  uint64 `json:"ordered"`
	Price    string `json:"price"`
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
	// Criteria are what contacts were chosen by; none means by nothing but their
	// consent, at random.
	Criteria []NoticeCriterion `json:"criteria"`
	// Reached is as reported: with noise, rounded, null where it was withheld.
	Reached *uint64 `json:"reached"`
	// ReleasedAt is when the report was released.
	ReleasedAt time.Time `json:"released_at"`
	// Object is how whoever got the message says that no more are wanted.
	Object  string `json:"object"`
	Sandbox bool   `json:"sandbox,omitempty"`
}

// NoticeCriterion is one attribute, with the values that were wanted.
type NoticeCriterion struct {
	Attribute string   `json:"attribute"`
	Values    []string `json:"values"`
}

//go:embed notice.schema.json
var noticeSchema []byte

// NoticeSchema returns the JSON schema (2020-12) of a notice, as published.
func NoticeSchema() []byte { return append([]byte(nil), noticeSchema...) }

// ReportedReach reads what a released report says of those that were reached: nil
// where it was withheld.
func ReportedReach(document []byte) (*uint64, error) {
	var said struct {
		Classes map[string]*uint64 `json:"classes"`
	}
	if err := json.Unmarshal(document, &said); err != nil {
		return nil, fmt.Errorf("read a report: %w", err)
	}
	reached, there := said.Classes["reached"]
	if !there {
		return nil, errors.New("read a report: it has no class of those that were reached")
	}
	return reached, nil
}

// JSON returns the notice for programs.
func (n *Notice) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write a notice: %w", err)
	}
	return append(text, '\n'), nil
}

// noticePage is what notice.html shows.
type noticePage struct {
	*Notice
	Editions []noticeEdition
}

// noticeEdition is a notice in one language: a heading, and what it says line by
// line.
type noticeEdition struct {
	Lang, Title, Lead string
	Lines             []noticeLine
	TextsTitle        string
}

type noticeLine struct{ Label, Value string }

// HTML returns the notice for people, in French and in English, on one page that
// asks for nothing outside.
func (n *Notice) HTML() ([]byte, error) {
	var buffer bytes.Buffer
	shown := noticePage{n, []noticeEdition{n.edition(french(), frenchNotice), n.edition(english(), englishNotice)}}
	if err := pageTemplates.ExecuteTemplate(&buffer, "notice.html", shown); err != nil {
		return nil, fmt.Errorf("write a notice: %w", err)
	}
	return buffer.Bytes(), nil
}

// noticeWords are the words of one language that only notices have.
type noticeWords struct {
	title, lead, texts, never, nobody, yes, no                              string
	party, sponsor, eligible, election, channel, period, price, chosen, way string
	reached, withheld, span, amount                                         string
	attributes                                                              map[string]string
}

var frenchNotice = noticeWords{
	title: "Avis de transparence", lead: "Publicité à caractère politique – règlement (UE) 2024/900.", texts: "Le message",
	never: "n’a pas été diffusée", nobody: "aucun critère : tirage au sort parmi les personnes qui y ont consenti", yes: "oui", no: "non",
	party: "Pour le compte de", sponsor: "Parraineur", eligible: "Parraineur éligible dans l’Union", election: "Scrutin", channel: "Canal",
	period: "Période de diffusion", price: "Montant", chosen: "Choix des destinataires", way: "Pour ne plus rien recevoir",
	reached: "Personnes touchées", withheld: "non publié : trop peu de personnes",
	span: "du %s au %s", amount: "%s %s hors taxes, soit %s %s pour chacun des %s contacts commandés",
	attributes: map[string]string{"territory": "lieu", "age_band": "âge", "gender": "sexe", "income_bracket": "revenu", "profession": "profession"},
}

var englishNotice = noticeWords{
	title: "Transparency notice", lead: "Political advertisement – Regulation (EU) 2024/900.", texts: "The message",
	never: "was not disseminated", nobody: "no criteria: drawn at random from those who have consented", yes: "yes", no: "no",
	party: "On behalf of", sponsor: "Sponsor", eligible: "Sponsor eligible in the Union", election: "Poll", channel: "Channel",
	period: "Period of dissemination", price: "Amount", chosen: "How recipients were chosen", way: "To get no more of them",
	reached: "People reached", withheld: "not published: too few people",
	span: "from %s to %s", amount: "%s %s without taxes, %s %s for each of the %s contacts ordered",
	attributes: map[string]string{"territory": "place", "age_band": "age", "gender": "gender", "income_bracket": "income", "profession": "profession"},
}

func (n *Notice) edition(w words, own noticeWords) noticeEdition {
	day := func(text string) string {
		date, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return text
		}
		return w.day(date)
	}
	period := own.never
	if n.From != "" {
		period = fmt.Sprintf(own.span, day(n.From), day(n.To))
	}
	eligible := own.no
	if n.SponsorEU {
		eligible = own.yes
	}
	reached := own.withheld
	if n.Reached != nil {
		plusMinus := w.number(reportMargin().PlusMinus)
		reached = w.number(*n.Reached) + " ± " + plusMinus
	}
	return noticeEdition{
		Lang: w.lang, Title: own.title, Lead: own.lead, TextsTitle: own.texts,
		Lines: []noticeLine{
			{own.party, n.Party},
			{own.sponsor, n.Sponsor},
			{own.eligible, eligible},
			{own.election, n.Election + ", " + day(n.PollingDay)},
			{own.channel, w.channels[n.Channel]},
			{own.period, period},
			{own.price, fmt.Sprintf(own.amount, w.fraction(n.Amount), n.Currency, w.fraction(n.Price), n.Currency, w.number(n.Ordered))},
			{own.chosen, n.criteria(own)},
			{own.reached, reached},
			{own.way, n.Object},
		},
	}
}

// criteria puts the criteria into plain words.
func (n *Notice) criteria(own noticeWords) string {
	if len(n.Criteria) == 0 {
		return own.nobody
	}
	parts := make([]string, len(n.Criteria))
	for i, criterion := range n.Criteria {
		name, known := own.attributes[criterion.Attribute]
		if !known {
			name = strings.ReplaceAll(criterion.Attribute, "_", " ")
		}
		parts[i] = name + " : " + strings.Join(criterion.Values, ", ")
	}
	return strings.Join(parts, " ; ")
}
