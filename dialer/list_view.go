package dialer

import (
	"fmt"
	"time"

	"github.com/hustings/hustings/consent"
)

// ListState is what a list's age means at this instant.
type ListState string

// The states of a list.
const (
	// ListFresh: decisions look into it.
	ListFresh ListState = "fresh"
	// ListStale: it is too old, and everybody whom its rule governs waits.
	ListStale ListState = "stale"
	// ListMissing: it was never imported, which is as good as stale.
	ListMissing ListState = "missing"
	// ListLive: the broker's own objections, read in every decision.
	ListLive ListState = "live"
	// ListNotApplied: it does not bind political calls, and nobody looks.
	ListNotApplied ListState = "not applied"
	// ListUnused: it was imported, and no rule of the present pack asks for it.
	ListUnused ListState = "unused"
)

// ListView is what an operator sees of a list.
type ListView struct {
	Name  string              `json:"name"`
	State ListState           `json:"state"`
	Holds consent.ListContent `json:"holds"`
	// Rule, Force and Source say who asks for the list, or that nobody does.
	Rule   string `json:"rule,omitempty"`
	Force  string `json:"force,omitempty"`
	Source string `json:"source,omitempty"`
	// Channels are those that the rule governs; none means all.
	Channels []string `json:"channels,omitempty"`
	// MaxAge is how old the list may be; 0 where its age does not count.
	MaxAge Duration `json:"max_age,omitzero"`
	// Age is that of the file, and FileDate its date.
	Age      Duration  `json:"age,omitzero"`
	FileDate time.Time `json:"file_date,omitzero"`
	Rows     uint64    `json:"rows"`
	// From, ImportedAt and Operator tell how it came here.
	From       string    `json:"from,omitempty"`
	ImportedAt time.Time `json:"imported_at,omitzero"`
	Operator   string    `json:"operator,omitempty"`
}

// Lists returns all lists that the pack's rules name, and those that are in the
// ledger all the same.
func (d *Dialer) Lists() ([]ListView, error) {
	now := d.clock.Now()
	var views []ListView
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		asked := map[string]bool{}
		for _, list := range d.Pack().Lists() {
			asked[list.Name] = true
			views = append(views, b.listView(list, now))
		}
		for name := b.listAfter(""); name != ""; name = b.listAfter(name) {
			if file, found := b.listFile(name); found && !asked[name] {
				view := ListView{Name: name, State: ListUnused}
				view.describe(file, now)
				views = append(views, view)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the lists: %w", err)
	}
	return views, nil
}

func (b books) listView(list consent.List, now time.Time) ListView {
	view := ListView{
		Name: list.Name, Holds: list.Holds, Rule: list.Rule.ID, Force: list.Rule.Force, Source: list.Rule.Source,
		Channels: list.Rule.Channels, MaxAge: Duration(list.MaxAge),
	}
	file, found := b.listFile(list.Name)
	if found {
		view.describe(file, now)
	}
	switch {
	case !list.Applied:
		view.State = ListNotApplied
	case list.Name == internalList:
		view.State, view.Holds = ListLive, consent.ListOfObjections
	case !found:
		view.State = ListMissing
	case file.FileDate.After(now) || list.MaxAge > 0 && now.Sub(file.FileDate) > list.MaxAge:
		view.State = ListStale
	default:
		view.State = ListFresh
	}
	return view
}

func (v *ListView) describe(file ListFile, now time.Time) {
	v.FileDate, v.Age, v.Rows = file.FileDate, Duration(now.Sub(file.FileDate).Round(time.Minute)), file.Rows
	v.From, v.ImportedAt, v.Operator = file.Source, file.ImportedAt, file.Operator
}

// outsideLists are the lists that decisions by the pack look into.
func outsideLists(pack *consent.Pack) []string {
	var names []string
	asked := map[string]bool{internalList: true}
	for _, list := range pack.Lists() {
		if list.Applied && !asked[list.Name] {
			asked[list.Name] = true
			names = append(names, list.Name)
		}
	}
	return names
}
