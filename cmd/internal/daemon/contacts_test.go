package daemon

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store"
)

func (o *operator) ask(verb queue.Verb, number string, set map[string]string, answer any) error {
	return o.client.AskContact(o.t.Context(), verb, queue.ContactQuestion{
		Number: number, Operator: "op-anne", Reason: "letter of 3 March", Set: set,
	}, answer)
}

func (o *operator) mustAsk(verb queue.Verb, number string, set map[string]string, answer any) {
	o.t.Helper()
	if err := o.ask(verb, number, set, answer); err != nil {
		o.t.Fatalf("%s: %v\n%s", verb, err, o.tell())
	}
}

// listOf is the list of contacts as a broker gets it again and again.
func listOf(numbers []string) io.Reader {
	var text strings.Builder
	text.WriteString("number,territory,birth_year,age_band,commune\n")
	for i, number := range numbers {
		fmt.Fprintf(&text, "%s,FR-69,1950,65+,%s\n", number, []string{"Lyon", "Saint-Étienne"}[i%2])
	}
	return strings.NewReader(text.String())
}

// compact writes a stopped daemon's store anew, as dialctl does.
func compact(t *testing.T, data string) store.Compacted {
	t.Helper()
	paths := store.PathsIn(data)
	keys, err := store.LoadOrCreateKeys(paths.Keys, true)
	if err != nil {
		t.Fatal(err)
	}
	done, err := store.Compact(t.Context(), store.CompactOptions{Paths: paths, Keys: keys, Erased: func(tx dialer.Tx) map[contact.ID]bool {
		erased, _ := dialer.ErasedContacts(tx)
		return erased
	}})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// idOf is the pseudonym of a number in this house.
func (h *house) idOf(number string) contact.ID {
	h.t.Helper()
	n, err := contact.ParseE164(number)
	if err != nil {
		h.t.Fatal(err)
	}
	keys, err := store.LoadOrCreateKeys(store.PathsIn(h.config.DataDirectory).Keys, true)
	if err != nil {
		h.t.Fatal(err)
	}
	return keys.Identity.ID(n)
}

// rowIn returns a contact's row in the directory's file, read raw: key and value
// lie side by side.
func (h *house) rowIn(id contact.ID, size int) []byte {
	h.t.Helper()
	file, err := os.ReadFile(store.PathsIn(h.config.DataDirectory).Directory)
	if err != nil {
		h.t.Fatal(err)
	}
	at := bytes.Index(file, id[:])
	if at < 0 {
		return nil
	}
	return bytes.Clone(file[at : at+len(id)+size])
}

// Ensure that an erased contact who is imported again the next day is not
// dialled, and that after compaction their bytes are in neither file: both are
// read raw. Of those who were written to before, the hash stays and the consent
// that was relied on, and nothing else.
func TestDaemon_EraseForGood(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.config.Carrier.Sandbox.StopFraction = 0
	h.start()
	numbers := invent(600)
	never, written := numbers[0], numbers[1]
	h.importFiles(queue.IntakeContacts, []string{"list.csv"}, []io.Reader{listOf(numbers)})
	h.importEvidence(numbers[:2])
	neverID, writtenID := h.idOf(never), h.idOf(written)
	sealed := [][]byte{h.rowIn(neverID, 30)[16:], h.rowIn(writtenID, 30)[16:]}

	var erased dialer.Erased
	h.mustAsk(queue.VerbContactErase, never, nil, &erased)
	if erased.Effect != dialer.Effective || !erased.Known || erased.Contact != neverID {
		t.Errorf("erased: %+v", erased)
	}
	eventually(t, "the directory has let go of one", func() bool { return h.status().Contacts == 599 })
	h.importPeopleAgain(numbers, 1)
	first := h.submit(orderFor("party-a", 500))
	h.close(h.advance, first.ID)
	if everybody := dialled(t, h.carrierLog()); everybody[never] {
		t.Error("the erased contact was dialled")
	}
	for !dialled(t, h.carrierLog())[written] {
		written = numbers[1+slices.IndexFunc(numbers[1:], func(n string) bool { return dialled(t, h.carrierLog())[n] })]
	}
	writtenID = h.idOf(written)
	sealed[1] = h.rowIn(writtenID, 30)[16:]
	h.mustAsk(queue.VerbContactErase, written, nil, &erased)
	h.stop()

	h.start() // a day later, the broker's next list brings everybody again
	h.advance(24 * time.Hour)
	h.untilRebuilt()
	h.importPeopleAgain(numbers, 2)
	before := len(readCarrier(t, h.carrierLog()))
	second := orderFor("party-a", 500)
	second.ID = "second"
	h.submit(second)
	h.close(h.advance, second.ID)
	for _, record := range readCarrier(t, h.carrierLog())[before:] {
		if record.To == never || record.To == written {
			t.Error("an erased contact was dialled after the next import")
		}
	}
	h.stop()

	compact(t, h.config.DataDirectory)
	paths := store.PathsIn(h.config.DataDirectory)
	for _, path := range []string{paths.Directory, paths.Ledger} {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for what, text := range map[string][]byte{
			"a sealed number": sealed[0][6:], "another sealed number": sealed[1][6:],
			"what the contact's consent referred to": []byte("form 4711-0"),
		} {
			if bytes.Contains(file, text) {
				t.Errorf("%s holds %s", path, what)
			}
		}
		directory := path == paths.Directory
		for _, id := range []contact.ID{neverID, writtenID} {
			if held := bytes.Contains(file, id[:]); held == directory {
				t.Errorf("%s holds the hash: %v", path, held)
			}
		}
	}
	mustBeSound(t, h.config.DataDirectory)
}

// importEvidence enters a consent to party-b for each of the numbers, with a
// reference that can be looked for.
func (o *operator) importEvidence(numbers []string) {
	o.t.Helper()
	var text strings.Builder
	text.WriteString("number,channel,party,purpose,given_at,collected_from,explicit,wording,evidence\n")
	for i, number := range numbers {
		fmt.Fprintf(&text, "%s,sms,party-b,political,2026-09-01,data_subject,true,J'accepte,form 4711-%d\n", number, i)
	}
	o.importFiles(queue.IntakeGrants, []string{"grants.csv"}, []io.Reader{strings.NewReader(text.String())})
}

// untilRebuilt waits until the directory is not being built: meanwhile it takes no
// list.
func (h *house) untilRebuilt() {
	h.t.Helper()
	since := time.Now()
	eventually(h.t, "the directory is built without the erased", func() bool {
		h.daemon.intake.mu.Lock()
		defer h.daemon.intake.mu.Unlock()
		if h.daemon.intake.rebuilding {
			since = time.Now()
		}
		return time.Since(since) > 500*time.Millisecond
	})
}

// importPeopleAgain imports everybody and their consents, of whom so many are
// left out.
func (o *operator) importPeopleAgain(numbers []string, erased uint64) {
	o.t.Helper()
	done := o.importFiles(queue.IntakeContacts, []string{"list.csv"}, []io.Reader{listOf(numbers)})
	if done.Counts[countErased] != erased || done.Counts[countUnchanged] != uint64(len(numbers))-erased {
		o.t.Errorf("the next list: %v, want %d left out", done.Counts, erased)
	}
	var text strings.Builder
	text.WriteString("number,channel,party,purpose,given_at,collected_from,explicit,wording\n")
	for _, number := range numbers {
		fmt.Fprintf(&text, "%s,sms,party-a,political,2026-09-01,data_subject,true,J'accepte\n", number)
	}
	done = o.importFiles(queue.IntakeGrants, []string{"grants.csv"}, []io.Reader{strings.NewReader(text.String())})
	if done.Counts[countErased] != erased {
		o.t.Errorf("the next consents: %v, want %d left out", done.Counts, erased)
	}
}

// Ensure that a contact's file comes with its source and date, that only
// operators with a reason get one, and that a correction holds over the next
// list, within the directory's file, too.
func TestDaemon_FileAndRectify(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	numbers := invent(4)
	h.importFiles(queue.IntakeContacts, []string{"list.csv"}, []io.Reader{listOf(numbers)})
	h.importEvidence(numbers)
	number := numbers[0]
	file := func() dialer.ContactFile {
		var file dialer.ContactFile
		h.mustAsk(queue.VerbContactFile, number, nil, &file)
		return file
	}
	first := file()
	if d := first.Directory; d == nil || d.Source != "test" || d.Collected.IsZero() || d.Attributes["commune"] != "Lyon" || !first.Sandbox {
		t.Errorf("%+v of %+v", first.Directory, first)
	}
	if len(first.Grants) != 1 || first.Grants[0].Evidence != "form 4711-0" || first.Grants[0].Party != "party-b" {
		t.Errorf("grants: %+v", first.Grants)
	}
	var answer queue.RectifyAnswer
	h.mustAsk(queue.VerbContactRectify, number, map[string]string{"année de naissance": "1990", "Ville": "Saint-Etienne", "territory": "42"}, &answer)
	if got := strings.Join(answer.Corrected, " "); got != "age_band birth_year commune territory" {
		t.Errorf("corrected: %s", got)
	}
	corrected := map[string]string{"age_band": "35-49", "commune": "Saint-Étienne", "territory": "FR-42"}
	check := func(when string) {
		t.Helper()
		d := file().Directory
		if d.BirthYear != 1990 || d.Territory != "FR-42" {
			t.Errorf("%s: %+v", when, d)
		}
		for name, want := range corrected {
			if d.Attributes[name] != want {
				t.Errorf("%s: %s is %q, want %q", when, name, d.Attributes[name], want)
			}
		}
	}
	check("at once")
	h.importFiles(queue.IntakeContacts, []string{"list.csv"}, []io.Reader{listOf(numbers)})
	check("after the next list")
	h.stop()
	h.start()
	check("after a restart")
	var row dialer.Contact
	if found, err := h.daemon.directories.Contact(h.idOf(number), &row); !found || err != nil || row.BirthYear != 1990 || row.Territory.Code != "FR-42" {
		t.Errorf("in the file itself: %+v, %v", row, err)
	}
	h.refuses(number)
}

// refuses asks what must not be answered.
func (h *house) refuses(number string) {
	h.t.Helper()
	for name, test := range map[string]struct {
		question queue.ContactQuestion
		verb     queue.Verb
		code     queue.Code
	}{
		"nobody asks":        {queue.ContactQuestion{Number: number, Reason: "letter"}, queue.VerbContactFile, queue.CodeRefused},
		"a stranger asks":    {queue.ContactQuestion{Number: number, Operator: "op-zoe", Reason: "letter"}, queue.VerbContactFile, queue.CodeRefused},
		"without a reason":   {queue.ContactQuestion{Number: number, Operator: "op-anne", Reason: " "}, queue.VerbContactErase, queue.CodeInvalid},
		"about no number":    {queue.ContactQuestion{Number: "six three nine", Operator: "op-anne", Reason: "letter"}, queue.VerbContactErase, queue.CodeInvalid},
		"nothing to correct": {queue.ContactQuestion{Number: number, Operator: "op-anne", Reason: "letter"}, queue.VerbContactRectify, queue.CodeInvalid},
		"undeclared": {queue.ContactQuestion{
			Number: number, Operator: "op-anne", Reason: "letter", Set: map[string]string{"income": "high"},
		}, queue.VerbContactRectify, queue.CodeInvalid},
		"the number itself": {queue.ContactQuestion{
			Number: number, Operator: "op-anne", Reason: "letter", Set: map[string]string{"téléphone": number},
		}, queue.VerbContactRectify, queue.CodeInvalid},
		"no declared value": {queue.ContactQuestion{
			Number: number, Operator: "op-anne", Reason: "letter", Set: map[string]string{"age_band": number},
		}, queue.VerbContactRectify, queue.CodeInvalid},
		"given twice": {queue.ContactQuestion{
			Number: number, Operator: "op-anne", Reason: "letter", Set: map[string]string{"age_band": "65+", "Âge": "65+"},
		}, queue.VerbContactRectify, queue.CodeInvalid},
		"nobody's number": {queue.ContactQuestion{
			Number: "+33639989999", Operator: "op-anne", Reason: "letter", Set: map[string]string{"age_band": "65+"},
		}, queue.VerbContactRectify, queue.CodeNotFound},
	} {
		err := h.client.AskContact(h.t.Context(), test.verb, test.question, nil)
		if queue.CodeOf(err) != test.code || queue.HintOf(err) == "" && name != "given twice" || strings.Contains(fmt.Sprint(err), number[3:]) {
			h.t.Errorf("%s: %v", name, err)
		}
	}
}

// Ensure that an opt-out whose way somebody typed cannot be read as an erasure
// after a restart.
func TestDaemon_TypedWayIsNoErasure(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	numbers := invent(2)
	h.importFiles(queue.IntakeContacts, []string{"list.csv"}, []io.Reader{listOf(numbers)})
	if _, err := h.client.OptOut(t.Context(), queue.OptOut{Number: numbers[0], Way: "erased"}); err != nil {
		t.Fatal(err)
	}
	h.stop()
	if err := os.Remove(store.PathsIn(h.config.DataDirectory).Ledger); err != nil {
		t.Fatal(err) // as if a backup from before everything were put back
	}
	h.start()
	var file dialer.ContactFile
	h.mustAsk(queue.VerbContactFile, numbers[0], nil, &file)
	if !file.Erased.IsZero() || len(file.Objections) != 1 {
		t.Errorf("%+v", file)
	}
}
