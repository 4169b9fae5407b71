// Package consent decides whether a contact may be reached: this contact, for
// this campaign, at this instant. It is asked inside the transaction that
// writes the intent to call, so it is pure: no I/O, no clock, no phone number,
// nothing remembered between two questions.
//
// # The story of a decision
//
// The dialer brings three things: a Campaign (who speaks, about which poll, on
// which channel, with which words), a Person (everything the record holds of
// the contact except who they are) and an instant. A Pack brings the rules of
// the country. Decide then walks the checks of checks.go in their order:
//
//	the campaign   is the pack in force, may this sponsor, this channel, this sender, this text?
//	the number     does it exist, do we know where the contact votes, is the line one to leave alone?
//	the person     erased, too young, objected, waiting for somebody to read their text?
//	the lists      is every list fresh, is the contact on none, is the number still theirs?
//	the basis      which grant, or which other ground, allows this at all?
//	the time       silence, campaign period, holiday, window, cooldown, caps, locks
//
// The first check that fails gives the Decision its verdict and its one
// reason. Halt means that the campaign is wrong; Deny that this contact is out
// until their record changes; Defer that time or a fresh list will mend it, and
// Until says when, to the instant. Only if no check has anything to say is the
// verdict Allow. Permit decides the same and, with Allow, names the pack and the
// grant that the attempt rests on; Excludes leaves aside what only defers, for
// planning at night; Explain makes the same walk and stops nowhere.
//
// # How to find a rule
//
// A rule has one id for ever, such as "FR-S1". Looking for it with
//
//	grep -rn FR-S1 configs/packs consent
//
// leads to all there is about it:
//
//   - its line in a pack under configs/packs: kind ("blackout"), force (law,
//     regulator, carrier, house), channels, parameters, source;
//   - the code, by a comment that ends "Rules: ... FR-S1 ...": the parameters of
//     the kind (blackoutRule), and below them the check, which is the function
//     with the kind's name (blackout). Kind calling_window is read into
//     hoursRule and checked by callingWindow; a kind that another one's check
//     reads (early_poll) is used in that one's file. The files go by theme:
//     check_campaign.go, check_message.go, check_number.go, check_person.go,
//     check_lists.go, check_basis.go, check_silence.go, check_hours.go,
//     check_frequency.go; inbound.go for stop_keywords;
//   - its cases under testdata/cases, in the field "source" and the id.
//
// "dialctl policy show FR" says what it asks for in words, and "dialctl policy
// explain" whether it decides.
//
// A new rule is a line in a pack, its id in the comment over its kind, and cases:
// tests fail while one of these is missing. They also change each value of each
// rule of each pack, one at a time, and fail where no case notices
// (coverage_test.go).
//
// # Packs
//
// A pack extends another (FR extends EU extends HOUSE). All rules of a kind
// must be content, so that adding a rule can only make a pack stricter; that is
// what an overlay (a state of the United States, a carrier) is limited to. A
// rule may stand instead of an inherited one only if that is a house rule:
// nobody's law is replaced by our choice, and a house rule is never shown as
// law. Kinds that open what others close (an exemption, a consented slot) are
// barred from overlays. Where an overlay strikes a grant out, what the grant had
// closed stays closed: see basisAnswer.
//
// # Failing closed
//
// The zero Decision is no permission. An unknown zone, a stale list, an expired
// pack, a birth year that is missing, a list dated in the future: each refuses.
// A pack that says nothing about basis, objections, hours or the list of
// opt-outs on some channel does not compile.
//
// # Inbound texts
//
// Pack.Classify reads a contact's reply: an opt-out, a request to hear from us
// again (which is no grant), a call for help, something a person must read, or
// nothing. Pack.Confirmation and Pack.Help have the words to answer with; whether
// an opt-out may be confirmed is Decide's to say, about a message of kind
// OptOutConfirmation.
package consent
