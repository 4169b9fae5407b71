package main

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/hustings/hustings/dialer"
)

// The page that a contact gets who asked where their number comes from. It is
// one file, in their language, and shows no number.

//go:embed page/contact.html
var pageFiles embed.FS

// pageWords are the page's words in each of its languages, by the name under
// which the template asks for them.
var pageWords = map[string]map[string]string{
	"fr": {
		"lang": "fr", "title": "Ce que nous conservons à votre sujet", "asked": "Réponse du", "number": "Votre numéro (masqué)",
		"pseudonym": "Pseudonyme sous lequel tout est conservé", "origin": "D'où vient votre numéro", "unknown": "Votre numéro n'est pas dans notre fichier.",
		"list": "Fichier d'origine", "collected": "collecté le", "line": "Ligne", "territory": "Territoire", "zone": "Fuseau horaire",
		"birth": "Année de naissance", "person": "Vos différents numéros sont reliés par une référence du fichier d'origine.",
		"erased":   "Vous avez demandé l'effacement le",
		"erasedIs": "Votre numéro et vos données ont été effacés ; seule une empreinte reste, pour que vous ne soyez plus contacté.",
		"waiting":  "Un message de vous attend d'être lu par une personne depuis le", "grants": "Vos consentements", "party": "Parti", "channel": "Canal",
		"given": "Donné le", "from": "Recueilli auprès de", "evidence": "Preuve", "version": "version", "hash": "Empreinte du texte", "source": "Fichier",
		"objections": "Vos oppositions", "at": "Date", "way": "Reçue par", "all": "tous",
		"claims": "Partis auxquels votre contact est réservé", "round": "Tour de scrutin", "campaigns": "Campagnes", "campaign": "Campagne", "state": "État",
		"attempts": "Messages et tentatives", "sender": "Expéditeur", "outcome": "Résultat", "text": "Texte", "relied": "Consentement invoqué",
		"lists": "Listes d'opposition consultées", "none": "Aucun.",
	},
	"en": {
		"lang": "en", "title": "What we keep about you", "asked": "Answered on", "number": "Your number (masked)",
		"pseudonym": "Pseudonym under which everything is kept", "origin": "Where your number comes from", "unknown": "Your number is not in our directory.",
		"list": "List of origin", "collected": "collected on", "line": "Line", "territory": "Territory", "zone": "Time zone", "birth": "Year of birth",
		"person": "Your numbers are tied together by a reference of the list of origin.",
		"erased": "You asked for erasure on", "erasedIs": "Your number and your data are gone; only a keyed hash stays, so that you are not contacted again.",
		"waiting": "A message of yours waits for a person to read it since", "grants": "Your consents", "party": "Party", "channel": "Channel", "given": "Given on",
		"from": "Collected from", "evidence": "Evidence", "version": "version", "hash": "Hash of the words", "source": "List",
		"objections": "Your objections", "at": "Date", "way": "Received by", "all": "all",
		"claims": "Parties that your contact is bound to", "round": "Round", "campaigns": "Campaigns", "campaign": "Campaign", "state": "State",
		"attempts": "Messages and attempts", "sender": "Sender", "outcome": "Outcome", "text": "Text", "relied": "Consent relied on",
		"lists": "Suppression lists that name you", "none": "None.",
	},
}

func pageLanguages() []string { return slices.Sorted(maps.Keys(pageWords)) }

// contactPage is parsed once; a fault in it is one of this program's.
var contactPage = template.Must(template.New("contact.html").Funcs(template.FuncMap{
	"date": func(t time.Time) string { return t.Format("2006-01-02 15:04 MST") },
}).ParseFS(pageFiles, "page/contact.html"))

// renderContactPage writes the page for the contact.
func renderContactPage(w io.Writer, language string, file *dialer.ContactFile) error {
	err := contactPage.Execute(w, struct {
		*dialer.ContactFile
		W map[string]string
	}{file, pageWords[language]})
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

func sortedNames(attributes map[string]string) []string { return slices.Sorted(maps.Keys(attributes)) }
