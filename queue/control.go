package queue

import (
	"encoding/json"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/audit"
)

// Verb is one question or order that the control service takes. Its subject
// is dialer.v1.ctl. followed by the verb.
type Verb string

// The verbs. Request and answer are JSON; payloads that hold numbers are
// sealed to the daemon's public key first.
const (
	// VerbStatus: no request; answers Status.
	VerbStatus Verb = "status"
	// VerbCampaignList: no request; answers []dialer.CampaignView.
	VerbCampaignList Verb = "campaign.list"
	// VerbCampaignShow: CampaignRequest; answers dialer.CampaignView.
	VerbCampaignShow Verb = "campaign.show"
	// VerbCampaignEstimate: a dialer.Job; answers dialer.Estimate.
	VerbCampaignEstimate Verb = "campaign.estimate"
	// VerbCampaignPause, VerbCampaignCancel, VerbCampaignTest: CampaignRequest; answer
	// dialer.CampaignView.
	VerbCampaignTest Verb = "campaign.test"
	// VerbCampaignTestCancel: likewise; ends the campaign's tests that are under way.
	VerbCampaignTestCancel Verb = "campaign.test.cancel"
	VerbCampaignPause      Verb = "campaign.pause"
	VerbCampaignCancel     Verb = "campaign.cancel"
	// VerbCampaignResume, VerbCampaignRelease: a dialer.Order of that verb; answer
	// dialer.CampaignView, in which the order stands as pending where it waits for a
	// second operator.
	VerbCampaignResume  Verb = "campaign.resume"
	VerbCampaignRelease Verb = "campaign.release"
	// VerbCampaignSignOff: SignOffRequest; answers dialer.CampaignView.
	VerbCampaignSignOff Verb = "campaign.signoff"
	// VerbIntakeOpen: IntakeOpen; answers IntakeProgress with the session.
	VerbIntakeOpen Verb = "intake.open"
	// VerbIntakeChunk: sealed bytes, with HeaderSession and HeaderFile;
	// answers IntakeProgress.
	VerbIntakeChunk Verb = "intake.chunk"
	// VerbIntakeFinish: IntakeRequest; starts the build and answers at once.
	VerbIntakeFinish Verb = "intake.finish"
	// VerbIntakeStatus: IntakeRequest; answers IntakeProgress.
	VerbIntakeStatus Verb = "intake.status"
	// VerbIntakeAbort: IntakeRequest; nothing of the session remains.
	VerbIntakeAbort Verb = "intake.abort"
	// VerbListShow: no request; answers []dialer.ListView.
	VerbListShow Verb = "list.show"
	// VerbSegmentCount: a dialer.SegmentQuestion; answers dialer.SegmentCount.
	VerbSegmentCount Verb = "segment.count"
	// VerbCampaignQuote: a dialer.SegmentQuestion with a party; answers dialer.Quote.
	VerbCampaignQuote Verb = "campaign.quote"
	// VerbReservationAdd: ReservationRequest; answers dialer.Reservation.
	VerbReservationAdd Verb = "reservation.add"
	// VerbReservationList: no request; answers ReservationList.
	VerbReservationList Verb = "reservation.list"
	// VerbReservationRemove: ReservationRequest with the ID, operator and reason.
	VerbReservationRemove Verb = "reservation.remove"
	// VerbFairness: FairnessRequest; answers dialer.Fairness.
	VerbFairness Verb = "fairness"
	// VerbInvoice: InvoiceRequest; answers dialer.Invoice.
	VerbInvoice Verb = "invoice"
	// VerbOptOut: a sealed OptOut; answers OptOutAnswer once it is effective.
	VerbOptOut Verb = "optout.add"
	// VerbContactFile: a sealed ContactQuestion; answers dialer.ContactFile.
	VerbContactFile Verb = "contact.file"
	// VerbContactErase: a sealed ContactQuestion; answers dialer.Erased once
	// nobody reaches the contact any more.
	VerbContactErase Verb = "contact.erase"
	// VerbContactRectify: a sealed ContactQuestion with what is true; answers
	// RectifyAnswer.
	VerbContactRectify Verb = "contact.rectify"
	// VerbReviewList: ReviewRequest with the operator; answers []dialer.Review.
	VerbReviewList Verb = "review.list"
	// VerbReviewDecide: ReviewRequest; answers ReviewAnswer.
	VerbReviewDecide Verb = "review.decide"
	// VerbPolicyReload: PolicyReloadRequest; answers PolicyReload, or the faults for which
	// the old rules stay.
	VerbPolicyReload Verb = "policy.reload"
	// VerbPolicyExplain: a sealed ContactQuestion with a campaign or a job; answers
	// dialer.Explanation.
	VerbPolicyExplain Verb = "policy.explain"
	// VerbAuditRead: AuditRequest; answers AuditPage.
	VerbAuditRead Verb = "audit.read"
	// VerbAuditProve: AuditRequest with the entry; answers an audit.Proof.
	VerbAuditProve Verb = "audit.prove"
	// VerbAuditCheckpoint: no request; signs the audit log as it is, and answers
	// AuditCheckpoint.
	VerbAuditCheckpoint Verb = "audit.checkpoint"
	// VerbPartyList: no request; answers []PartyInfo.
	VerbPartyList Verb = "party.list"
	// VerbTokenCreate: TokenRequest with party and label; answers TokenMade.
	VerbTokenCreate Verb = "token.create"
	// VerbTokenList: no request; answers []dialer.PartyToken.
	VerbTokenList Verb = "token.list"
	// VerbTokenRevoke: TokenRequest with the token's ID; answers a dialer.PartyToken.
	VerbTokenRevoke Verb = "token.revoke"
	// VerbLogLevel: LogLevel with the level to set, or empty; answers LogLevel.
	VerbLogLevel Verb = "log.level"
	// VerbReportList: no request; answers []ReportInfo.
	VerbReportList Verb = "report.list"
	// VerbNoticeShow: ReportRequest for "json" or "html"; answers the bytes.
	VerbNoticeShow Verb = "notice.show"
	// VerbReportResend: CampaignRequest; answers a dialer.Delivery.
	VerbReportResend Verb = "report.resend"
	// VerbReportGet: ReportRequest; answers the bytes as they were released.
	VerbReportGet Verb = "report.get"
	// VerbStoreBackup: BackupRequest; starts a task whose result is a BackupMade.
	VerbStoreBackup Verb = "store.backup"
	// VerbStoreReconcile: ReconcileRequest; starts a task whose result is a
	// dialer.Reconciled.
	VerbStoreReconcile Verb = "store.reconcile"
	// VerbRetentionRun: RetentionRequest; starts a task whose result is a
	// RetentionDone.
	VerbRetentionRun Verb = "retention.run"
	// VerbKeyRotate: KeyRequest; starts a task whose result is a KeyRotated.
	VerbKeyRotate Verb = "key.rotate"
	// VerbKeyRetire: KeyRequest; answers KeyRetired.
	VerbKeyRetire Verb = "key.retire"
	// VerbTaskStatus: TaskRequest; answers TaskProgress.
	VerbTaskStatus Verb = "task.status"
	// VerbTaskAbort: TaskRequest; ends the task, and answers TaskProgress.
	VerbTaskAbort Verb = "task.abort"
	// VerbSandboxClock: SandboxClock; moves the sandbox's time. With a real
	// carrier it is refused.
	VerbSandboxClock Verb = "sandbox.clock"
)

// The headers of an intake's chunks.
const (
	HeaderSession = "Hustings-Session"
	// HeaderFile is the index of the file that the chunk belongs to.
	HeaderFile = "Hustings-File"
	// HeaderSequence counts the chunks of a session from 0.
	HeaderSequence = "Hustings-Sequence"
)

// Status is what the daemon says of itself.
type Status struct {
	Version string `json:"version"`
	// Carrier is "sandbox" or "twilio".
	Carrier  string    `json:"carrier"`
	Sandbox  bool      `json:"sandbox"`
	Now      time.Time `json:"now"`
	Speed    float64   `json:"speed,omitempty"`
	Pack     string    `json:"pack"`
	Contacts uint64    `json:"contacts"`
	Ready    bool      `json:"ready"`
	// Waiting says what is missing where Ready is false.
	Waiting []string `json:"waiting,omitempty"`
	// Notices tell what an operator should know although nothing waits for it.
	Notices []string `json:"notices,omitempty"`
	// SealKey is the public key that payloads with numbers are sealed to.
	SealKey []byte `json:"seal_key"`
	// DataDirectory is where the daemon keeps its files.
	DataDirectory string `json:"data_directory"`
	// CarrierURL is the sandbox's address; empty with a real carrier.
	CarrierURL string `json:"carrier_url,omitempty"`
}

// CampaignRequest names a campaign and, for orders, who gives them and why.
type CampaignRequest struct {
	Campaign string `json:"campaign"`
	Operator string `json:"operator,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// FairnessRequest names a span of time, the day of now where it is empty, and a
// round, or all where it is empty.
type FairnessRequest struct {
	From  time.Time `json:"from,omitzero"`
	To    time.Time `json:"to,omitzero"`
	Round string    `json:"round,omitempty"`
}

// InvoiceRequest names a party and a span of time, the month of now where it is empty.
type InvoiceRequest struct {
	Party string    `json:"party"`
	From  time.Time `json:"from,omitzero"`
	To    time.Time `json:"to,omitzero"`
}

// SignOffRequest enters a party's word on a campaign's text.
type SignOffRequest struct {
	Campaign string `json:"campaign"`
	dialer.SignOff
}

// IntakeKind is what a list holds.
type IntakeKind string

// The kinds of lists.
const (
	IntakeContacts IntakeKind = "contacts"
	IntakeGrants   IntakeKind = "grants"
	IntakeOptOuts  IntakeKind = "optouts"
	// IntakeList is an outside list that the pack asks for: see IntakeOpen.List.
	IntakeList IntakeKind = "list"
)

// IntakeOpen starts a session that takes one or more files, all or nothing.
type IntakeOpen struct {
	Kind IntakeKind `json:"kind"`
	// Source names where the lists come from; it is kept as evidence.
	Source string   `json:"source"`
	Files  []string `json:"files"`
	// Encapsulated is the sender's half of the sealing (HPKE).
	Encapsulated []byte `json:"encapsulated"`
	// Operator is who imports.
	Operator string `json:"operator,omitempty"`
	// CollectedAt is when contacts were collected: an instant or a date. Empty is
	// the import's own instant.
	CollectedAt string `json:"collected_at,omitempty"`
	// List is the outside list's name in the pack, and FileDate how old it is:
	// an instant, or a date in the zone of the directory's region.
	List     string `json:"list,omitempty"`
	FileDate string `json:"file_date,omitempty"`
}

// IntakeRequest names a session.
type IntakeRequest struct {
	Session string `json:"session"`
	// Refusals is how many refusals the asker has seen; the answer brings
	// those after them.
	Refusals int `json:"refusals"`
}

// IntakeProgress says how far a session is.
type IntakeProgress struct {
	Session string `json:"session"`
	// Phase is "reading", "building", "done" or "failed".
	Phase string `json:"phase"`
	Rows  uint64 `json:"rows"`
	// Built and Total count the rows of the build, for its progress.
	Built uint64 `json:"built"`
	Total uint64 `json:"total"`
	// Counts holds the rows by what became of them: added, updated,
	// duplicate, and one entry for each reason of refusal.
	Counts map[string]uint64 `json:"counts,omitempty"`
	// Refusals are some of the refused rows, in the order of reading.
	Refusals []Refusal `json:"refusals,omitempty"`
	// Error and Hint say why the session failed.
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
}

// Refusal is a row that was not taken: its place and why, never its content.
type Refusal struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column,omitempty"`
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason"`
	Hint   string `json:"hint,omitempty"`
}

// OptOut is one objection, told by a person or another system.
type OptOut struct {
	// Number is as the person wrote it; it only travels sealed.
	Number     string    `json:"number"`
	Reason     string    `json:"reason,omitempty"`
	Way        string    `json:"way"`
	ReceivedAt time.Time `json:"received_at,omitzero"`
	Operator   string    `json:"operator,omitempty"`
}

// ContactQuestion is about one contact: a question, or an order.
type ContactQuestion struct {
	// Number is as the person wrote it; it only travels sealed.
	Number   string `json:"number"`
	Operator string `json:"operator"`
	Reason   string `json:"reason"`
	// Set is what is true of the contact, by the names of directory.yaml; empty
	// for nobody knows.
	Set map[string]string `json:"set,omitempty"`
	// Campaign is the accepted campaign that the question is about, or Job one
	// that is not; At is the instant, the daemon's present one where it is zero.
	Campaign string      `json:"campaign,omitempty"`
	Job      *dialer.Job `json:"job,omitempty"`
	At       time.Time   `json:"at,omitzero"`
}

// RectifyAnswer names what was corrected, and what follows from it.
type RectifyAnswer struct {
	Contact   contact.ID `json:"contact"`
	Corrected []string   `json:"corrected"`
}

// ReviewRequest asks for the texts that a person must read, or says what an
// operator makes of one contact's.
type ReviewRequest struct {
	// Contact is the contact's pseudonym.
	Contact  contact.ID     `json:"contact,omitzero"`
	Verdict  dialer.Verdict `json:"verdict,omitempty"`
	Operator string         `json:"operator"`
	Reason   string         `json:"reason,omitempty"`
}

// ReviewAnswer says what holds now.
type ReviewAnswer struct {
	Contact contact.ID     `json:"contact"`
	Verdict dialer.Verdict `json:"verdict"`
	// Effect is that of an opt-out, as OptOutAnswer has it.
	Effect string `json:"effect,omitempty"`
}

// OptOutAnswer says what holds now.
type OptOutAnswer struct {
	// Contact is the contact's pseudonym.
	Contact string `json:"contact"`
	// Effect is "effective", or "received" where a request in flight was not
	// over in time: no further one will begin either way.
	Effect string `json:"effect"`
	// Known tells whether the directory has the contact.
	Known bool `json:"known"`
}

// ReservationRequest asks for a segment, or gives it back.
type ReservationRequest struct {
	dialer.Reservation
	// DespiteClaims reserves what is left of a segment some of whose contacts
	// are bound to other parties already.
	DespiteClaims bool `json:"despite_claims,omitempty"`
	// Override is the order that DespiteClaims needs; its campaign is the
	// reservation's ID.
	Override *dialer.Order `json:"override,omitempty"`
}

// ReservationList is all reservations there are, and what time it is for them.
type ReservationList struct {
	Reservations []dialer.Reservation `json:"reservations"`
	Now          time.Time            `json:"now"`
}

// RetentionRequest asks what is past its time, and to delete it.
type RetentionRequest struct {
	// Confirm deletes; without it nothing is changed.
	Confirm  bool   `json:"confirm,omitempty"`
	Operator string `json:"operator"`
	Reason   string `json:"reason"`
}

// RetentionDone is what was found past its time.
type RetentionDone struct {
	// Deleted tells that it is gone now.
	Deleted bool                   `json:"deleted"`
	Items   []dialer.RetentionItem `json:"items"`
}

// KeyRequest orders something of the seal key.
type KeyRequest struct {
	// Confirm lets go of the former key; without it nothing is changed.
	Confirm  bool   `json:"confirm,omitempty"`
	Operator string `json:"operator"`
	Reason   string `json:"reason"`
}

// KeyRotated says that another seal key is in use.
type KeyRotated struct {
	// Sealed is how many numbers were sealed anew.
	Sealed uint64 `json:"sealed"`
	// Fingerprint is that of the keys in use now.
	Fingerprint string `json:"fingerprint"`
	// Folder is where the keys lie on the daemon's machine.
	Folder string `json:"folder"`
}

// KeyRetired says what became of the former seal key.
type KeyRetired struct {
	// Former tells that there was one, Retired that it is gone now.
	Former  bool `json:"former"`
	Retired bool `json:"retired"`
}

// ReportInfo is one report, released or due.
type ReportInfo struct {
	Campaign string    `json:"campaign"`
	Party    string    `json:"party"`
	Due      time.Time `json:"due,omitzero"`
	Released time.Time `json:"released,omitzero"`
	KeyID    string    `json:"key_id,omitempty"`
	// Files are the renderings' paths on the daemon's machine.
	Files []string `json:"files,omitempty"`
	// Delivery is how far its push to the party's own server is, nil for none.
	Delivery *dialer.Delivery `json:"delivery,omitempty"`
}

// ReportRequest asks for one rendering.
type ReportRequest struct {
	Campaign string `json:"campaign"`
	// Format is "json", "csv", "html", or one of these with ".sig".
	Format string `json:"format"`
}

// BackupRequest asks for a backup of the store.
type BackupRequest struct {
	// Folder is an absolute path on the daemon's machine; nothing may be there.
	Folder   string `json:"folder"`
	Operator string `json:"operator,omitempty"`
}

// BackupMade is a backup that is whole.
type BackupMade struct {
	// Folder is where it lies on the daemon's machine.
	Folder string `json:"folder"`
	// At is when it was made, in the campaigns' time.
	At    time.Time `json:"at"`
	Bytes int64     `json:"bytes"`
}

// ReconcileRequest asks for a reconcile: see dialer.ReconcileOrder.
type ReconcileRequest struct {
	Since    time.Time `json:"since,omitzero"`
	Operator string    `json:"operator"`
	DryRun   bool      `json:"dry_run,omitempty"`
}

// TaskRequest names a task.
type TaskRequest struct {
	Task string `json:"task"`
}

// TaskProgress says how far a task is that takes longer than an answer may.
type TaskProgress struct {
	Task string `json:"task"`
	// Phase is what is being done, Done and Total how far; Total is 0 where nobody
	// can know it.
	Phase string `json:"phase,omitempty"`
	Done  uint64 `json:"done"`
	Total uint64 `json:"total"`
	// Over tells that it has ended: with a result, or with why it failed.
	Over    bool            `json:"over"`
	Result  json.RawMessage `json:"result,omitempty"`
	Failure *ControlError   `json:"failure,omitempty"`
}

// SandboxClock moves the sandbox's time forward or sets its speed.
type SandboxClock struct {
	Advance dialer.Duration `json:"advance,omitzero"`
	Speed   float64         `json:"speed,omitempty"`
	// Operator is who moves it.
	Operator string `json:"operator,omitempty"`
}

// PolicyReloadRequest says who has the packs read anew.
type PolicyReloadRequest struct {
	Operator string `json:"operator,omitempty"`
}

// PartyInfo is a party as the registry has it.
type PartyInfo struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Sponsor string `json:"sponsor"`
	// Tokens counts those that are good.
	Tokens int `json:"tokens"`
}

// TokenRequest asks for a token, or names one.
type TokenRequest struct {
	Party    string `json:"party,omitempty"`
	Label    string `json:"label,omitempty"`
	ID       string `json:"id,omitempty"`
	Operator string `json:"operator,omitempty"`
}

// TokenMade is a new token, with the secret that is shown once.
type TokenMade struct {
	dialer.PartyToken
	Secret string `json:"secret"`
	// Address is where the daemon listens for it, empty for nowhere.
	Address string `json:"address,omitempty"`
}

// AuditRequest names an entry of the audit log.
type AuditRequest struct {
	From uint64 `json:"from"`
}

// AuditPage is a part of the audit log.
type AuditPage struct {
	audit.Header
	Entries []audit.Entry `json:"entries"`
	// Next is the entry that the next page begins with, 0 where there is none.
	Next uint64 `json:"next,omitempty"`
}

// AuditCheckpoint is a signed note, and the public key for it.
type AuditCheckpoint struct {
	Checkpoint string `json:"checkpoint"`
	// Earlier are the last ones of the years before, the oldest first.
	Earlier []string `json:"earlier,omitempty"`
	Key     string   `json:"key"`
}

// LogLevel is from which level on the daemon logs: debug, info, warn or error. To
// set one it names who does.
type LogLevel struct {
	Level    string `json:"level,omitempty"`
	Operator string `json:"operator,omitempty"`
	// Configured is the level that holds again after the next start.
	Configured string `json:"configured,omitempty"`
}

// PolicyReload says which rules were in force, and which are now, by the versions
// of the packs.
type PolicyReload struct {
	Before string `json:"before"`
	Pack   string `json:"pack"`
}
