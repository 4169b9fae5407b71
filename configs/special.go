package configs

import (
	"fmt"
	"strings"
)

// category is a sort of data that no attribute may hold, with the French and
// English words that give it away. Words are folded; one that ends in a dash is
// the beginning of many.
type category struct {
	name   string
	reason string
	words  []string
	// values tells that the words are looked for among a choice's values, too.
	// Those of other categories are harmless there: "médecin" is a profession.
	values bool
}

const (
	article9  = "GDPR art. 9 forbids it, and regulation (EU) 2024/900 art. 18 forbids targeting by it"
	article10 = "GDPR art. 10 leaves it to public authorities"
	article5  = "the directory holds no names, addresses or identifiers (GDPR art. 5(1)(c))"
)

// forbiddenCategories errs on the safe side: an attribute that is harmless and
// sounds like one of these can be given another name, while a declared
// "interest: antisemitism" has cost 10,000 people their peace (April 2022).
//
//nolint:misspell // French is not misspelt English
var forbiddenCategories = []category{
	{"religion or belief", article9, []string{
		"relig-", "culte", "cultes", "cultuel-", "faith", "confession-", "croyan-", "belief-", "philosoph-", "church-", "eglise",
		"paroisse", "parish", "mosque-", "synagog-", "catholi-", "musulman-", "muslim-", "islam-", "juif", "juifs", "juive", "juives",
		"jew", "jews", "jewish", "judai-", "israelite-", "protestant-", "evangeli-", "orthodox-", "christian-", "chretien-", "bouddh-", "buddh-",
		"hindou-", "hindu-", "sikh-", "athee", "athees", "atheis-", "agnosti-", "halal", "kosher", "casher", "ramadan", "antisemit-",
	}, true},
	{"ethnic or national origin", article9, []string{
		"ethni-", "race", "races", "racial-", "origin", "origins", "origine", "origines", "ancest-", "ascendan-", "migrant-", "migration",
		"immigr-", "nationalit-", "citizenship", "citoyennete", "country", "pays", "langue", "langues", "language", "languages", "mother tongue",
		"skin", "peau", "diaspora", "naturalis-", "naturaliz-",
	}, false},
	{"political opinion", article9, []string{
		"politi-", "opinion-", "partisan-", "ideolog-", "sympath-", "adherent-", "adhesion-", "militant-", "activist-", "affiliat-",
		"donor-", "donation-", "donat-", "petition-", "vote", "votes", "voter", "voted", "voting", "votant-", "electoral-", "turnout", "abstention-",
		"abstain-", "participation", "intention-", "support", "supporter-", "soutien", "party", "parti", "left wing", "right wing", "gauche", "droite",
	}, false},
	{"health", article9, []string{
		"health-", "sante", "medic-", "medec-", "diseas-", "illness-", "maladi-", "malade-", "handicap-", "disab-", "invalid-", "diagnos-", "patient-",
		"vaccin-", "pregnan-", "grossess-", "enceinte", "mental-", "psych-", "allerg-", "smok-", "fumeur-", "obes-", "diabet-", "cancer-", "autonomie",
		"genetic-", "geneti-", "biometr-", "adn", "dna",
	}, false},
	{"sex life or sexual orientation", article9, []string{
		"sexual-", "sexuel-", "orientation-", "lgbt-", "gay", "gays", "lesbi-", "homosex-", "heterosex-", "bisex-", "transgend-", "transgenr-",
	}, true},
	{"trade union membership", article9, []string{"trade union", "union", "unions", "unionis-", "unioniz-", "syndicat-", "syndiqu-", "syndical-"}, false},
	{"how a name sounds, a proxy of origin and religion", article9, []string{
		"consonan-", "sound", "sounds", "sonorite", "onomast-", "patronym-",
	}, false},
	{"the place of birth, a proxy of origin", article9, []string{
		"birth place", "birthplace-", "place of birth", "country of birth", "born in", "lieu naissance", "lieu de naissance", "ville de naissance",
		"pays de naissance", "commune de naissance", "departement de naissance", "ne a", "nee a",
	}, false},
	{"an interest or an inferred profile, a proxy of any of them", article9, []string{
		"interest-", "interet-", "hobb-", "loisir-", "lifestyle-", "inferred", "infere-", "score-", "scoring", "profil", "profile", "profiles", "profils",
		"profiling", "profilage", "persona", "personas", "propens-", "lookalike-", "affinit-", "magazine-", "abonnement-", "subscription-", "browsing", "segment-",
	}, false},
	{"offences or convictions", article10, []string{"crimin-", "convict-", "condamn-", "casier", "offence-", "offense-", "infraction-", "prison-"}, false},
	{"a name, an address or an identifier", article5, []string{
		"name", "names", "surname-", "firstname", "lastname", "fullname", "nom", "noms", "prenom-", "address-", "adress-", "street-", "rue", "email-", "e mail",
		"mail", "courriel-", "birthday", "birth date", "date of birth", "date naissance", "date de naissance", "nir", "numero de securite sociale", "ssn",
		"passport-", "passeport-", "identifiant-", "iban", "facebook", "instagram", "twitter", "linkedin",
	}, false},
}

// harmless are names that hold a word of the list and mean something else.
var harmless = []string{"bureau de vote", "bureau vote", "polling station", "electoral district"}

// forbidden tells why nothing may be declared under that name, or "".
func forbidden(name string) (reason, hint string) {
	if c := named(name, forbiddenCategories); c != nil {
		return fmt.Sprintf("%q cannot be declared: it names %s", name, c.name), c.reason
	}
	return "", ""
}

// forbiddenValue tells why a value may not be declared, or "".
func forbiddenValue(value string) (reason, hint string) {
	if c := named(value, forbiddenCategories); c != nil && c.values {
		return fmt.Sprintf("%q cannot be declared: it names %s", value, c.name), c.reason
	}
	return "", ""
}

// named returns the first category that a name gives away, or nil.
func named(name string, categories []category) *category {
	folded := " " + fold(name) + " "
	for _, phrase := range harmless {
		folded = strings.ReplaceAll(folded, " "+phrase+" ", " ")
	}
	for i := range categories {
		for _, word := range categories[i].words {
			beginning, open := strings.CutSuffix(word, "-")
			if !open {
				beginning += " "
			}
			if strings.Contains(folded, " "+beginning) {
				return &categories[i]
			}
		}
	}
	return nil
}
