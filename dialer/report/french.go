package report

import "strconv"

// french returns the French words. Spaces before colons and between thousands do not break.
func french() words {
	return words{
		lang: "fr",
		months: [12]string{
			"janvier", "février", "mars", "avril", "mai", "juin",
			"juillet", "août", "septembre", "octobre", "novembre", "décembre",
		},
		thousand: "\u202f",
		decimal:  ",",
		colon:    "\u00a0:",

		tableCaption:   "Contacts par classe",
		classColumn:    "Classe",
		figureColumn:   "Contacts",
		withheld:       "non communiqué",
		chartTitle:     "Contacts par classe, en barres",
		chartCaption:   "Toute la largeur, la commande",
		whiskerCaption: "Le trait, la marge",

		channels: map[string]string{
			"sms":             "SMS",
			"robocall":        "appel automatique",
			"ai_voice":        "appel automatique, voix de synthèse",
			"live_call":       "appel par une personne",
			"predictive_call": "appel par une personne, composé d’avance",
		},
		classes: map[string]classWords{
			"reached":       {"Atteints", "Message remis, ou appel décroché"},
			"not_reached":   {"Non atteints", "Essayés, sans être atteints"},
			"not_contacted": {"Non contactés", "Non essayés ou non comptés, quel qu’en soit le motif"},
			"unknown":       {"Inconnus", "L’opérateur n’a pas dit ce qu’il en fut"},
		},
		endings: map[Ending]endingWords{
			EndingCompleted: {
				"menée à son terme",
				"Cette promesse vaut pour une campagne qui suit son cours, et celle-ci l’a suivi.",
			},
			EndingTimeOver: {
				"arrivée à la date de fin",
				"Cette promesse vaut pour une campagne qui suit son cours, et celle-ci l’a suivi jusqu’à sa date de fin. " +
					"Elle porte sur l’issue propre de chacun, non sur le retard qu’un appel peut causer au suivant.",
			},
			EndingCancelled: {
				"annulée",
				"Cette campagne a été annulée. La promesse porte sur l’issue propre de chacun, non sur la décision d’annuler.",
			},
			EndingBudget: {
				"budget épuisé",
				"Cette campagne s’est arrêtée, son budget épuisé. Or la dépense dépend de ce que font les personnes appelées\u00a0: ce que " +
					"certaines ont fait a pu décider si d’autres seraient contactées. La promesse sur ε ne couvre pas cet effet.",
			},
			EndingHeld: {
				"retenue en cours de route",
				"Cette campagne a été retenue en cours de route. Or une retenue peut venir de ce que font les personnes contactées\u00a0: ce " +
					"que certaines ont fait a pu décider si d’autres seraient contactées. La promesse sur ε ne couvre pas cet effet.",
			},
		},

		date: func(day int, month string, year int) string {
			ordinal := strconv.Itoa(day)
			if day == 1 {
				ordinal = "1er"
			}
			return ordinal + "\u00a0" + month + "\u00a0" + strconv.Itoa(year)
		},
		instant: func(date, clock string) string { return date + " à " + clock + " UTC" },
	}
}
