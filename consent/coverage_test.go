package consent_test

import (
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/cases"
)

// asking is a case that is ready to be put to a pack.
type asking struct {
	c   *cases.Case
	put func(consent.Packs) (cases.Answer, error)
}

// askings are all cases that stand beside the engine, read once.
var askings = sync.OnceValues(func() ([]asking, error) {
	var all []asking
	paths, err := casePaths()
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		list, err := loadCases(path)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			put, err := c.Prepare()
			if err != nil {
				return nil, err
			}
			all = append(all, asking{c, put})
		}
	}
	return overlaid(all)
})

// overlaid adds, for each overlay that campaigns may choose, the cases of the
// pack under it: what the overlay answers to them is what a change must alter.
func overlaid(all []asking) ([]asking, error) {
	files, err := readShipped()
	if err != nil {
		return nil, err
	}
	packs, err := compileShipped()
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if !file.Overlay || len(file.Territories) > 0 {
			continue
		}
		for _, base := range all {
			if base.c.Pack != file.Extends {
				continue
			}
			c := *base.c
			c.Pack = file.Pack
			if own, known := c.History.Lists["internal"]; known {
				c.History.Lists = maps.Clone(c.History.Lists)
				for _, list := range packs[file.Pack].Lists() {
					if list.Rule.Pack == file.Pack {
						c.History.Lists[list.Name] = own // as fresh as that
					}
				}
			}
			put, err := c.Prepare()
			if err != nil {
				return nil, err
			}
			answer, err := put(packs)
			if err != nil {
				return nil, err
			}
			c.Expect = cases.Expect{Decision: answer.Decision, Reason: answer.Reason, Rule: answer.Rule, Until: answer.Until}
			all = append(all, asking{&c, put})
		}
	}
	return all, nil
}

// Ensure that what an overlay answers to the cases of the pack under it is never
// more permissive.
func TestCases_OverlaysOnlyStricter(t *testing.T) {
	t.Parallel()
	all, err := askings()
	if err != nil {
		t.Fatal(err)
	}
	under := make(map[string]string)
	compared := 0
	for _, a := range all {
		if a.c.Channel == cases.Inbound {
			continue
		}
		if before, known := under[a.c.ID]; known {
			compared++
			if a.c.Expect.Decision == "allow" && before != "allow" {
				t.Errorf("%s: %s, and over it by %s: %s", a.c.ID, before, a.c.Pack, a.c.Expect.Decision)
			}
			continue
		}
		under[a.c.ID] = a.c.Expect.Decision
	}
	if compared == 0 {
		t.Error("no case was put to an overlay")
	}
}

// trial is a mutant with what the cases made of it.
type trial struct {
	mutant
	of int
	// refused tells that the changed pack does not even compile.
	refused bool
	// noticed are the codes of the packs whose cases were answered otherwise.
	// Looking stops at the first, unless a whole rule was left out.
	noticed map[string]bool
}

// run puts the cases of the packs that have rules of the changed file to its
// mutant.
func (m *trial) run(all []asking, files []consent.PackFile, sound consent.Packs) {
	changed := slices.Clone(files)
	changed[m.of] = m.file
	packs, err := consent.NewPacks(changed...)
	if err != nil {
		m.refused = true
		return
	}
	m.noticed = make(map[string]bool)
	touched := make(map[string]bool)
	for code, pack := range sound {
		touched[code] = slices.ContainsFunc(pack.Rules(), func(r consent.Rule) bool { return r.Pack == m.file.Pack })
	}
	for i := range all {
		if code := all[i].c.Pack; touched[code] && !m.noticed[code] {
			answer, err := all[i].put(packs)
			if m.noticed[code] = err != nil || !answer.Meets(all[i].c.Expect); m.noticed[code] && !m.without {
				return
			}
		}
	}
}

// Ensure that no value of a rule can be changed, and no rule left out, without a
// case that notices: in every pack that has the rule, those that inherit it
// included.
func TestCases_NoticeEveryChange(t *testing.T) {
	t.Parallel()
	all, err := askings()
	if err != nil {
		t.Fatal(err)
	}
	packs, files := shipped(t), shippedFiles(t)
	house, _ := packs["EU"].Rule("H-K1")
	var trials []*trial
	for i, file := range files {
		for _, m := range mutants(t, file, house.RuleFile) {
			trials = append(trials, &trial{mutant: m, of: i})
		}
	}
	next := make(chan *trial)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for m := range next {
				m.run(all, files, packs)
			}
		})
	}
	for i, m := range trials {
		if testing.Short() && i%8 != 0 {
			m.refused = true // not tried
			continue
		}
		next <- m
	}
	close(next)
	workers.Wait()
	for _, m := range trials {
		switch {
		case m.refused:
		case !m.without && !slices.Contains(slices.Collect(maps.Values(m.noticed)), true):
			t.Errorf("no case notices %s", m.what)
		case m.without:
			for code, pack := range packs {
				if _, has := pack.Rule(m.rule); has && !m.noticed[code] && shadowed[code+" "+m.rule] == "" {
					t.Errorf("no case of pack %s notices %s", code, m.what)
				}
			}
		}
	}
	t.Logf("%d changes, %d cases", len(trials), len(all))
}

// shadowed are rules that a pack inherits and that a nearer one of its own always
// speaks before, with that one's id.
var shadowed = map[string]string{
	"FR EU-A1": "FR-A1", "FR-AGGREGATOR EU-A1": "FR-A1", "FR-FEED EU-A1": "FR-A1",
	"FR EU-O3": "FR-O3", "FR-AGGREGATOR EU-O3": "FR-O3", "FR-FEED EU-O3": "FR-O3",
	"US H-P1": "US-P1",
}
