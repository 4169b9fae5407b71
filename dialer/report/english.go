package report

import "strconv"

// english returns the English words.
func english() words {
	return words{
		lang: "en",
		months: [12]string{
			"January", "February", "March", "April", "May", "June",
			"July", "August", "September", "October", "November", "December",
		},
		thousand: ",",
		decimal:  ".",
		colon:    ":",

		tableCaption:   "Contacts by class",
		classColumn:    "Class",
		figureColumn:   "Contacts",
		withheld:       "withheld",
		chartTitle:     "Contacts by class, as bars",
		chartCaption:   "Full width, the order",
		whiskerCaption: "Line, the margin",

		channels: map[string]string{
			"sms":             "SMS",
			"robocall":        "automatic call",
			"ai_voice":        "automatic call, synthetic voice",
			"live_call":       "call by a person",
			"predictive_call": "call by a person, dialled ahead",
		},
		classes: map[string]classWords{
			"reached":       {"Reached", "Message delivered, or call answered"},
			"not_reached":   {"Not reached", "Tried, and not reached"},
			"not_contacted": {"Not contacted", "Not tried or not counted, whatever the reason"},
			"unknown":       {"Unknown", "The carrier never said what became of it"},
		},
		endings: map[Ending]endingWords{
			EndingCompleted: {
				"ran to completion",
				"This promise holds for a campaign that runs its course, and this one did.",
			},
			EndingTimeOver: {
				"reached its end date",
				"This promise holds for a campaign that runs its course, and this one did, up to its end date. " +
					"It is about each person’s own outcome, not about the delay that one call may cause to the next.",
			},
			EndingCancelled: {
				"cancelled",
				"This campaign was cancelled. The promise is about each person’s own outcome, not about the decision to cancel.",
			},
			EndingBudget: {
				"budget spent",
				"This campaign ended because its budget was spent. Spending depends on what the people called do: what some of them did " +
					"may have decided whether others were contacted. The promise about ε does not cover that effect.",
			},
			EndingHeld: {
				"held on the way",
				"This campaign was held on the way. A hold can come from what the people contacted do: what some of them did may have " +
					"decided whether others were contacted. The promise about ε does not cover that effect.",
			},
		},

		date: func(day int, month string, year int) string {
			return strconv.Itoa(day) + "\u00a0" + month + "\u00a0" + strconv.Itoa(year)
		},
		instant: func(date, clock string) string { return date + ", " + clock + " UTC" },
	}
}
