package report

import (
	"io"
	"math"
	"testing"
)

// The programs of this file attack reports. Each plays an attacker who orders campaigns and knows all that can be known: what became
// of everybody but one person, the target, whose outcome was one of two, each as likely as the other. The attacker reads what is
// published, weighs both outcomes by their exact chances and guesses the likelier one, which nobody can better. The promise of
// epsilon bounds how often such a guess can be right: e^epsilon / (1 + e^epsilon), where an attacker without any report is right
// half of the time. (The attack through a hold needs a dialer, and stands with its tests.)

// attackMiss is the chance of a false alarm of each attack, by Hoeffding's inequality.
const attackMiss = 1e-9

// attackRuns is how often each attack is made with every commit; the nightly tests make more (see plenty).
const attackRuns = 20_000

// observation is what an attacker gets to see: for each of two outcomes of the target, the counts of each of the reports.
type observation struct {
	one, other []Counts
	epsilon    float64 // that the target has been promised, over all reports
}

// oneReport is the promise for a person and a report.
const oneReport = float64(figuresPerPerson*epsilonNumerator) / epsilonDenominator

// attack guesses so many times, and returns how often the guess was right.
func attack(t *testing.T, random io.Reader, o observation, runs int) float64 {
	t.Helper()
	weigh := newScale()
	right := 0.0
	for run := range runs {
		truth, is := o.one, run%2 == 0
		if !is {
			truth = o.other
		}
		likelier := 0.0
		for i := range truth {
			figures, err := Draw(random, truth[i])
			if err != nil {
				t.Fatal(err)
			}
			likelier += weigh.of(t, o.one[i], figures) - weigh.of(t, o.other[i], figures)
		}
		switch {
		case likelier == 0:
			right += 0.5 // a coin
		case (likelier > 0) == is:
			right++
		}
	}
	return right / float64(runs)
}

// scale weighs figures against counts, by the exact chances of each figure.
type scale struct {
	noise  []float64
	tables map[[2]uint64]map[uint64]float64
}

func newScale() *scale {
	return &scale{noise: noiseTable(), tables: map[[2]uint64]map[uint64]float64{}}
}

// of returns the logarithm of the chance of the figures.
func (s *scale) of(t *testing.T, truth Counts, figures Figures) (logarithm float64) {
	t.Helper()
	for i, class := range figures.classes() {
		key := [2]uint64{[]uint64{truth.Reached, truth.NotReached, truth.NotContacted, truth.Unknown}[i], figures.size}
		table := s.tables[key]
		if table == nil {
			table = published(s.noise, key[0], key[1])
			s.tables[key] = table
		}
		logarithm += math.Log(table[class.figure.contacts])
	}
	return logarithm
}

// bound is how often the best guess can be right under an epsilon.
func bound(epsilon float64) float64 { return math.Exp(epsilon) / (1 + math.Exp(epsilon)) }

// repeated returns the same counts for so many campaigns.
func repeated(truth Counts, times int) (list []Counts) {
	for range times {
		list = append(list, truth)
	}
	return list
}

// Ensure that none of the attacks guesses better than the promise says.
func TestAttacks(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]observation{
		// The target was reached, or not: everybody else is known, and counts stand where rounding tells most.
		"a person whom everybody else surrounds": {
			[]Counts{neighbours[1]}, []Counts{neighbours[0]}, oneReport,
		},
		// A second campaign for the same people without the target: its report, taken from the first, leaves the target and noise.
		"the difference of two campaigns": {
			[]Counts{neighbours[1], {Reached: 242, NotReached: 167, NotContacted: 91}},
			[]Counts{neighbours[0], {Reached: 242, NotReached: 167, NotContacted: 91}},
			oneReport,
		},
		// The order is exact, so the fourth figure can be worked out from three others, as a second look at it.
		"the total minus the other cells": {
			[]Counts{{Reached: 120, NotReached: 140, NotContacted: 117, Unknown: 123}},
			[]Counts{{Reached: 120, NotReached: 140, NotContacted: 118, Unknown: 122}},
			oneReport,
		},
		// One count stands at the threshold: whether it is withheld is all that it says.
		"the edge of the threshold": {
			[]Counts{{Reached: 40, NotReached: 460}}, []Counts{{Reached: 39, NotReached: 461}}, oneReport,
		},
		// One count stands at nothing, the other at everything: both are clamped.
		"the edge of the order": {
			[]Counts{{Reached: 500}}, []Counts{{Reached: 499, NotReached: 1}}, oneReport,
		},
		// The smallest order, all of it the attacker's own phones but one: the attacker made every other count.
		"planted contacts": {
			[]Counts{{Reached: 243, NotReached: 257}}, []Counts{{Reached: 242, NotReached: 258}}, oneReport,
		},
		// A dozen campaigns in a year for the same people: four of them count the target, the others have it in not_contacted,
		// whatever became of it.
		"a year of campaigns": {
			append(repeated(neighbours[1], 4), repeated(Counts{Reached: 242, NotReached: 167, NotContacted: 91}, 8)...),
			append(repeated(neighbours[0], 4), repeated(Counts{Reached: 242, NotReached: 167, NotContacted: 91}, 8)...), 4 * oneReport,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runs, random := plenty(t, attackRuns)
			runs = min(runs, 10*attackRuns) // what is left to be seen after that is far below the bound
			right := attack(t, random, o, runs)
			most, slack := bound(o.epsilon), math.Sqrt(math.Log(1/attackMiss)/2/float64(runs))
			t.Logf("figures: %s: %d attacks, %.1f %% right; epsilon %.1f allows %.1f %%, and %.1f %% with confidence 1 - %.0e",
				name, runs, 100*right, o.epsilon, 100*most, 100*(most+slack), attackMiss)
			if right > most+slack {
				t.Errorf("%.1f %% of the guesses are right, and %.1f %% may be", 100*right, 100*most)
			}
			if right < 0.5-slack {
				t.Errorf("the attacker guesses worse than a coin: %.1f %%", 100*right)
			}
		})
	}
}

// Ensure that the attacks are attacks: where a campaign a week counts the target, the same program guesses nearly always right, and
// where there were no noise, one report would do.
func TestAttacks_CanSucceed(t *testing.T) {
	t.Parallel()
	weekly := observation{one: repeated(neighbours[1], 52), other: repeated(neighbours[0], 52)}
	const runs = attackRuns / 20
	right := attack(t, stream(t.Name()), weekly, runs)
	t.Logf("figures: %d attacks on 52 campaigns that count the target, %.1f %% right: what the limit of four a year is for", runs, 100*right)
	if right < 0.95 {
		t.Errorf("52 campaigns that count the target leave a guess at %.1f %%", 100*right)
	}
	first, second := publish(neighbours[0].Reached, 0, 500), publish(neighbours[1].Reached, 0, 500)
	if first == second {
		t.Error("without noise the neighbours look alike: the attacks begin at the wrong counts")
	}
}
