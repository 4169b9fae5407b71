package daemon

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// askFor lets the hall's lists be those that a pack of its own asks for: one of
// each content, and one that is not applied.
func (h *intakeHall) askFor(tb testing.TB) {
	tb.Helper()
	packs, err := configs.LoadPacks("")
	if err != nil {
		tb.Fatal(err)
	}
	rule := func(id, kind string, params map[string]any) consent.RuleFile {
		return consent.RuleFile{ID: id, Kind: kind, Force: "house", Channels: []string{"sms"}, Params: params, Source: "test"}
	}
	pack, err := consent.NewPack(consent.PackFile{
		Pack: "FR-OWN", Title: "own", Version: "2027-01-01", Extends: "FR", Overlay: true, ValidFrom: "2026-01-01", ValidTo: "2028-12-31",
		Rules: []consent.RuleFile{
			rule("FR-OL1", "suppression_list", map[string]any{"name": "PEOPLE", "max_age": "28d", "on_stale": "defer"}),
			rule("FR-OL2", "suppression_list", map[string]any{"name": "FEED", "holds": "objections", "max_age": "2d", "on_stale": "defer"}),
			rule("FR-OL3", "reassigned_numbers", map[string]any{"name": "ANSWERS"}),
		},
	}, packs["FR"])
	if err != nil {
		tb.Fatal(err)
	}
	d, err := dialer.New(dialer.Options{Ledger: h.ledger, Directory: h.directories, Pack: pack, Clock: stoppedClock{}, InFlight: 1})
	if err != nil {
		tb.Fatal(err)
	}
	h.desk.options.lists = d
}

// mustOpenList opens a session for a file of an outside list.
func (h *intakeHall) openList(tb testing.TB, list, fileDate string) (*intakeSender, error) {
	tb.Helper()
	encapsulated, sealer, err := queue.NewChunkSealer(h.keys.HPKE.PublicKey().Bytes())
	if err != nil {
		tb.Fatal(err)
	}
	progress, err := h.call(tb, queue.VerbIntakeOpen, nil, queue.IntakeOpen{
		Kind: queue.IntakeList, Source: "test", Files: []string{"list.csv"}, Encapsulated: encapsulated, Operator: "op-anne",
		List: list, FileDate: fileDate,
	})
	return &intakeSender{hall: h, sealer: sealer, id: progress.Session}, err
}

func (h *intakeHall) mustImportList(tb testing.TB, list, fileDate string, lines ...string) *intakeSender {
	tb.Helper()
	s, err := h.openList(tb, list, fileDate)
	if err != nil {
		tb.Fatal(err)
	}
	s.mustSend(tb, 0, []byte(strings.Join(lines, "\n")+"\n"), 1000)
	s.mustEnd(tb)
	return s
}

func (h *intakeHall) listed(tb testing.TB, name string) dialer.ListView {
	tb.Helper()
	views, err := h.desk.options.lists.(*dialer.Dialer).Lists()
	at := slices.IndexFunc(views, func(v dialer.ListView) bool { return v.Name == name })
	if err != nil || at < 0 {
		tb.Fatalf("lists: %+v, %v", views, err)
	}
	return views[at]
}

// Ensure that a list of people is taken as a whole: one row that cannot be read
// refuses it, and what was there before stays.
func TestIntakeOutside_People(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	h.askFor(t)
	s := h.mustImportList(t, "people", "2027-04-01", "Numéro de téléphone", "06 39 98 00 01", "+33639980002", "0639980001")
	if s.progress.Phase != queue.PhaseDone || s.progress.Counts[countAdded] != 2 || s.progress.Counts[refusedDuplicate] != 1 {
		t.Fatalf("%+v", s.progress)
	}
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	want := time.Date(2027, 4, 1, 0, 0, 0, 0, paris)
	if view := h.listed(t, "PEOPLE"); view.Rows != 2 || !view.FileDate.Equal(want) || view.State != dialer.ListFresh || view.Operator != "op-anne" {
		t.Errorf("in force is %+v", view)
	}
	s = h.mustImportList(t, "PEOPLE", "2027-04-05", "number", "0639980003", "six three nine")
	if s.progress.Phase != queue.PhaseFailed || !strings.Contains(s.progress.Error, "1 rows cannot be read") || len(s.refusals) != 1 || s.refusals[0].Line != 3 {
		t.Errorf("%+v, refused %+v", s.progress, s.refusals)
	}
	if view := h.listed(t, "PEOPLE"); view.Rows != 2 || !view.FileDate.Equal(want) {
		t.Errorf("in force is %+v", view)
	}
	if s := h.mustImportList(t, "PEOPLE", "2027-04-06", "number,surname", "0639980003,Martin"); s.progress.Phase != queue.PhaseFailed {
		t.Errorf("a column that nobody declared: %+v", s.progress)
	}
	if left, err := os.ReadDir(h.desk.options.scratch); err != nil || len(left) > 0 {
		t.Errorf("left in the scratch folder: %v, %v", left, err)
	}
	mustHoldNoNumber(t, "the log", h.log.String(), map[string]bool{"639980001": true, "639980003": true})
}

// Ensure that the answers of a reassigned numbers database are taken with the
// date that they hold from, the stricter of two for one number.
func TestIntakeOutside_Answers(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	h.askFor(t)
	s := h.mustImportList(t, "ANSWERS", "2027-04-10T12:00:00+02:00",
		"number;answer;since", "0639980001;no;2026-09-01", "0639980002;yes;2026-09-01", "0639980003;no_data;2026-09-01",
		"0639980004;no;2026-09-01", "0639980004;yes;2026-10-01", "0639980005;no;2026-09-01", "0639980005;no;2025-09-01")
	if s.progress.Phase != queue.PhaseDone || s.progress.Counts[countAdded] != 5 {
		t.Fatalf("%+v", s.progress)
	}
	got := map[contact.ID]dialer.ListRow{}
	err := h.ledger.View(func(tx dialer.Tx) error {
		for key, row := range tx.Rows(dialer.BucketList, []byte("ANSWERS\x00\x00")) {
			id := contact.ID(key[len(key)-contact.IDSize:])
			got[id] = readOutsideRow(id, row)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for number, want := range map[string]string{
		"0639980001": "no 2026-08-31T22:00:00Z", "0639980002": "yes 2026-08-31T22:00:00Z", "0639980003": "no_data 2026-08-31T22:00:00Z",
		"0639980004": "yes 2026-09-30T22:00:00Z", "0639980005": "no 2025-08-31T22:00:00Z",
	} {
		row := got[h.idOf(t, number)]
		answer, _ := row.Answer.MarshalText()
		if text := fmt.Sprintf("%s %s", answer, row.Since.UTC().Format(time.RFC3339)); text != want {
			t.Errorf("row of the number: %s, want %s", text, want)
		}
	}
	for _, line := range []string{"0639980001;perhaps;2026-09-01", "0639980001;no;", "0639980001;no;2027-09-01"} {
		if s := h.mustImportList(t, "ANSWERS", "2027-04-11", "number;answer;since", line); s.progress.Phase != queue.PhaseFailed || len(s.refusals) != 1 {
			t.Errorf("%q: %+v", line, s.progress)
		}
	}
}

// Ensure that of a STOP feed every row that can be read is an objection, at once
// and for good, and that its date moves on with a file that was read whole.
func TestIntakeOutside_Objections(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	h.askFor(t)
	s := h.mustImportList(t, "FEED", "2027-04-11", "number", "0639980001", "nobody", "0639980002")
	if s.progress.Phase != queue.PhaseDone || len(h.objections) != 2 || len(s.refusals) != 1 {
		t.Fatalf("%+v, %d objections", s.progress, len(h.objections))
	}
	if view := h.listed(t, "FEED"); view.State != dialer.ListFresh || view.Rows != 3 {
		t.Errorf("in force is %+v", view)
	}
	cut, err := h.openList(t, "FEED", "2027-04-11T11:00:00+02:00")
	if err != nil {
		t.Fatal(err)
	}
	cut.mustSend(t, 0, []byte("number\n0639980003\n"), 100)
	if _, err := h.call(t, queue.VerbIntakeAbort, nil, queue.IntakeRequest{Session: cut.id}); err != nil {
		t.Fatal(err)
	}
	if view := h.listed(t, "FEED"); view.FileDate.Hour() != 0 {
		t.Errorf("the date of a file cut short counts: %+v", view)
	}
}

// Ensure that a list which nobody asks for, or whose date says nothing, is
// refused before a row is read.
func TestIntakeOutside_Refused(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	h.askFor(t)
	h.mustImportList(t, "PEOPLE", "2027-04-05", "number", "0639980001")
	for _, test := range []struct{ list, date, want string }{
		{"nonsense", "2027-04-05", "no rule of the pack names such a list"},
		{"", "2027-04-05", "no rule of the pack names such a list"},
		{"bloctel", "2027-04-05", "FR-L2 of pack FR-OWN: Bloctel bound commercial calls only"},
		{"internal", "2027-04-05", "the ledger's own list"},
		{"PEOPLE", "", "the date of the file cannot be read"},
		{"PEOPLE", "yesterday", "the date of the file cannot be read"},
		{"PEOPLE", "2027-04-12", "in the future"},
		{"PEOPLE", "2027-04-04", "the list in force is newer"},
	} {
		_, err := h.openList(t, test.list, test.date)
		if queue.CodeOf(err) != queue.CodeInvalid || !strings.Contains(err.Error(), test.want) || queue.HintOf(err) == "" {
			t.Errorf("%s of %q: %v", test.list, test.date, err)
		}
	}
}
