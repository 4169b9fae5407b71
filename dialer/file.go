package dialer

import (
	"context"
	"encoding/hex"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// Look is who looks into what is kept of one contact, or changes it, and why. It
// stands in the audit log before anything is shown or changed.
type Look struct {
	Operator string
	Reason   string
}

// ContactFile is the answer to a contact's question what is kept of them and
// where it came from (GDPR art. 15). It holds no number.
type ContactFile struct {
	Contact contact.ID `json:"contact"`
	// Number is masked; Asked is when the question was answered.
	Number string    `json:"number"`
	Asked  time.Time `json:"asked"`
	// Sandbox tells that nothing of this is real.
	Sandbox bool `json:"sandbox,omitempty"`
	// Directory is nil where the directory does not have the contact.
	Directory *DirectoryFile `json:"directory,omitempty"`
	// Erased is when the contact asked for erasure.
	Erased time.Time `json:"erased,omitzero"`
	// Waiting is when a text came that a person must read first.
	Waiting    time.Time      `json:"waiting_for_review,omitzero"`
	Grants     []GrantFile    `json:"grants"`
	Objections []Objection    `json:"objections"`
	Claims     []ClaimFile    `json:"claims"`
	Campaigns  []CampaignFile `json:"campaigns"`
	Attempts   []AttemptFile  `json:"attempts"`
	Lists      []ListEntry    `json:"lists"`
}

// DirectoryFile is what the directory keeps of a contact.
type DirectoryFile struct {
	// Source is the list that the contact came from, and Collected when it was
	// collected.
	Source     string            `json:"source"`
	Collected  time.Time         `json:"collected"`
	Line       string            `json:"line"`
	Territory  string            `json:"territory,omitempty"`
	Zone       string            `json:"zone,omitempty"`
	BirthYear  int               `json:"birth_year,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
	// Person tells that the broker knows whose number it is.
	Person bool `json:"person,omitempty"`
	// Place is the source's in the directory's own list of sources.
	Place uint16 `json:"-"`
}

// GrantFile is one consent with the evidence for it.
type GrantFile struct {
	Version        uint32    `json:"version"`
	Party          string    `json:"party"`
	Channel        string    `json:"channel"`
	Purpose        string    `json:"purpose"`
	GivenAt        time.Time `json:"given_at"`
	CollectedFrom  string    `json:"collected_from"`
	Explicit       bool      `json:"explicit"`
	Slot           string    `json:"slot,omitempty"`
	Wording        string    `json:"wording"`
	WordingVersion string    `json:"wording_version,omitempty"`
	WordingHash    string    `json:"wording_hash"`
	Evidence       string    `json:"evidence,omitempty"`
	Source         string    `json:"source"`
	SourceHash     string    `json:"source_hash"`
	ImportedAt     time.Time `json:"imported_at"`
}

// ClaimFile is a party that a contact is bound to for a round.
type ClaimFile struct {
	Round string `json:"round"`
	Party string `json:"party"`
}

// CampaignFile is a campaign that had the contact in its audience.
type CampaignFile struct {
	Campaign string `json:"campaign"`
	Party    string `json:"party"`
	Round    string `json:"round"`
	Channel  string `json:"channel"`
	State    string `json:"state"`
	// Reason says why the contact waits or was left out, Outcome what came of
	// the last attempt.
	Reason  string `json:"reason,omitempty"`
	Outcome string `json:"outcome,omitempty"`
}

// AttemptFile is one try to reach the contact.
type AttemptFile struct {
	Attempt  uint64    `json:"attempt"`
	Campaign string    `json:"campaign"`
	Party    string    `json:"party"`
	Channel  string    `json:"channel"`
	Sender   string    `json:"sender"`
	At       time.Time `json:"at"`
	State    string    `json:"state"`
	Outcome  string    `json:"outcome,omitempty"`
	Text     string    `json:"text"`
	// Grant is the version of the grant that was relied on, 0 for none, and Pack
	// the version of the rules.
	Grant uint32 `json:"grant,omitempty"`
	Pack  string `json:"pack"`
	// Message is the carrier's name for the message.
	Message string `json:"message,omitempty"`
}

// ListEntry is what an outside list says of the contact.
type ListEntry struct {
	List     string    `json:"list"`
	FileDate time.Time `json:"file_date"`
	Answer   string    `json:"answer,omitempty"`
}

// File returns everything that is kept of the contact with that number. The look
// is on disk in the audit log before anything is read.
func (d *Dialer) File(ctx context.Context, number contact.Number, look Look) (*ContactFile, error) {
	id := d.identify(number)
	if err := d.auditLook(ctx, "contact file", id, look); err != nil {
		return nil, err
	}
	file := &ContactFile{
		Contact: id, Number: number.String(), Asked: d.clock.Now(),
		Grants: []GrantFile{}, Objections: []Objection{}, Claims: []ClaimFile{}, Campaigns: []CampaignFile{}, Attempts: []AttemptFile{}, Lists: []ListEntry{},
	}
	var row Contact
	known, err := d.directory.Contact(id, &row)
	if err != nil {
		return nil, fmt.Errorf("look a contact up: %w", err)
	}
	if known {
		file.Directory = d.directoryFile(&row)
	}
	if err := d.ledger.View(func(tx Tx) error { d.fill(books{tx}, file, row.Person); return nil }); err != nil {
		return nil, fmt.Errorf("read what is kept of contact %s: %w", id, err)
	}
	return file, nil
}

// auditLook puts a look at one contact, or a change of one, on record.
func (d *Dialer) auditLook(ctx context.Context, what string, id contact.ID, look Look) error {
	return d.putOnRecord(ctx, fmt.Sprintf("%s of %s", said(what, look.Operator, look.Reason), id))
}

// Note puts on record what was done that no campaign and no contact has to do with:
// who did it, and why.
func (d *Dialer) Note(ctx context.Context, what string, by Look) error {
	return d.putOnRecord(ctx, said(what, by.Operator, by.Reason))
}

func (d *Dialer) putOnRecord(ctx context.Context, what string) error {
	move := &auditMove{fmt.Appendf(nil, "%s %s", d.clock.Now().UTC().Format(time.RFC3339Nano), what)}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return fmt.Errorf("put on record: %s: %w", what, err)
	}
	return nil
}

type auditMove struct{ body []byte }

// Apply appends the entry.
func (m *auditMove) Apply(tx Tx) { books{tx}.audit(auditControl, m.body) }

func (d *Dialer) directoryFile(row *Contact) *DirectoryFile {
	file := &DirectoryFile{
		Line: row.Line.String(), BirthYear: row.BirthYear, Attributes: map[string]string{}, Person: !row.Person.IsZero(), Place: row.Source,
	}
	if row.Territory != nil {
		file.Territory = row.Territory.Code
	}
	if row.Zone != nil {
		file.Zone = row.Zone.String()
	}
	for i, value := range row.Values {
		if attribute := d.registry.Attributes[i]; value > 0 {
			file.Attributes[attribute.Name] = attribute.Values[value-1]
		}
	}
	return file
}

// fill reads what the ledger has of the contact, and of the person whose number
// it is, if the broker knows.
func (d *Dialer) fill(b books, file *ContactFile, person contact.PersonID) {
	id := file.Contact
	under := []contact.ID{id}
	if !person.IsZero() {
		under = append(under, person.ID())
	}
	file.Grants = slices.AppendSeq(file.Grants, b.grantFiles(id))
	for _, owner := range under {
		for key, row := range b.prefixed(BucketObjection, owner[:]) {
			o, err := readObjection(key, row, asString)
			if err != nil {
				b.Fail(fmt.Errorf("contact %s: %w", id, err))
				return
			}
			file.Objections = append(file.Objections, o)
		}
	}
	file.Erased = b.erasedAt(id)
	if review, waits := b.review(id); waits {
		file.Waiting = review.Since
	}
	rounds := map[string]bool{}
	for _, election := range d.registry.Elections {
		for _, round := range election.Rounds {
			rounds[round.ID] = true
		}
	}
	sequences := map[uint64]bool{}
	for record := range b.records() {
		rounds[record.Job.Round] = true
		if _, r, found := b.recipientOf(record, id); found {
			file.Campaigns = append(file.Campaigns, campaignFile(record, r))
			sequences[r.attempt] = true
		}
	}
	for _, round := range slices.Sorted(maps.Keys(rounds)) {
		for _, owner := range under {
			if party := b.claimedBy(round, owner); party != nil {
				file.Claims = append(file.Claims, ClaimFile{round, string(party)})
				break
			}
		}
	}
	for _, past := range b.history(id).past {
		if past.sequence == 0 { // only the carrier knew of it
			file.Attempts = append(file.Attempts, AttemptFile{Party: past.party, Channel: past.channel.String(), At: past.at, State: "foreign"})
		}
		sequences[past.sequence] = true
	}
	for _, sequence := range slices.Sorted(maps.Keys(sequences)) {
		if a := b.attempt(sequence); a != nil {
			file.Attempts = append(file.Attempts, b.attemptFile(sequence, a))
		}
	}
	for name := b.listAfter(""); name != ""; name = b.listAfter(name) {
		if entry, found := b.listEntry(name, id); found && entry.Hit {
			on := ListEntry{List: name, FileDate: entry.FileAt}
			if !entry.Since.IsZero() {
				answer, _ := entry.Answer.MarshalText() // never fails
				on.Answer = string(answer)
			}
			file.Lists = append(file.Lists, on)
		}
	}
}

// recipientOf finds a contact in a campaign, in whichever of its zone groups it
// was planned.
func (b books) recipientOf(record *campaignRecord, id contact.ID) (recipientKey, recipient, bool) {
	for zone := range max(1, len(record.Zones)) {
		key := newRecipientKey(record.Number, uint8(zone), record.Mask, id)
		if r, found := b.recipient(key); found {
			return key, r, true
		}
	}
	return recipientKey{}, recipient{}, false
}

func campaignFile(record *campaignRecord, r recipient) CampaignFile {
	file := CampaignFile{
		Campaign: record.Job.ID, Party: record.Job.Party, Round: record.Job.Round, Channel: record.Job.Channel.String(),
		State: r.state.String(), Reason: r.reason,
	}
	if r.state == RecipientFinal {
		file.Outcome = r.outcome.String()
	}
	return file
}

func (b books) attemptFile(sequence uint64, a *attemptRecord) AttemptFile {
	file := AttemptFile{
		Attempt: sequence, At: a.intended, State: a.state.String(), Text: string(b.Get(BucketWording, a.text[:])),
		Grant: a.grant, Pack: b.packVersion(a.pack), Message: a.sid,
	}
	if a.state == attemptFinal {
		file.Outcome = a.outcome.String()
	}
	if record, found := b.campaign(a.recipient.campaign()); found {
		job := &record.Job
		file.Campaign, file.Party, file.Channel, file.Sender = job.ID, job.Party, job.Channel.String(), a.from(job)
	}
	return file
}

// grantFiles yields the contact's grants with their words.
func (b books) grantFiles(id contact.ID) iter.Seq[GrantFile] {
	return func(yield func(GrantFile) bool) {
		for key, row := range b.prefixed(BucketGrant, id[:]) {
			g, err := readGrant(row, asString)
			if err != nil {
				b.Fail(fmt.Errorf("contact %s: %w", id, err))
				return
			}
			file := GrantFile{
				Version: grantVersion(key), Party: g.Party, Channel: g.Channel.String(), Purpose: g.Purpose, GivenAt: g.GivenAt,
				CollectedFrom: g.CollectedFrom, Explicit: g.Explicit, Slot: g.Slot.String(), Wording: string(b.Get(BucketWording, g.WordingHash[:])),
				WordingVersion: g.WordingVersion, WordingHash: hex.EncodeToString(g.WordingHash[:]), Evidence: g.Evidence, Source: g.Source,
				SourceHash: hex.EncodeToString(g.SourceHash[:]), ImportedAt: g.ImportedAt,
			}
			if !yield(file) {
				return
			}
		}
	}
}
