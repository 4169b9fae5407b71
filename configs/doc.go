// Package configs reads the files that people write: the daemon's settings, the
// registry of parties and senders, the declaration of the directory, the packs
// and the campaigns.
//
// # The files
//
//	dialerd.yaml       Config: where things are and how fast they go            Load
//	registry.yaml      parties, operators, senders, elections, tariff           Config.LoadRegistry
//	directory.yaml     what is kept of a contact, under which headers           Config.LoadDirectory
//	packs/*.yaml       a country's rules                                        Config.LoadPacks
//	test-numbers.yaml  the broker's own phones; for its owner's eyes only       ReadTestNumbers
//	campaigns/*.yaml   what a party orders, as a dialer.Job                     ReadCampaign
//
// All of them are embedded, too. A daemon without any file is a sandbox with
// invented parties: see Defaults. The embedded files are the documented
// examples, and what they say is what Defaults says; tests hold both to it.
// Schema returns a JSON schema for each but the packs, for editors and for other
// programs.
//
// # Strictness
//
// A setting that is not understood may be a limit that somebody relies on, so
// nothing is skipped: unknown keys, keys that stand twice, values of another
// type, empty values, anchors and second documents are refused. Every file is
// read to its end and all that is wrong is told at once, as Faults: file, line,
// column, the source line, a caret, and what to do about it.
//
//	registry.yaml:31:15: senders[1].parties[0]: no party has the id "party-d"
//	    31 |     parties: [party-d]
//	       |               ^
//	    hint: did you mean "party-a"?
//
// # How a file is read
//
//	bytes -> document (YAML nodes with the mark of each key)
//	      -> decode into a struct: unknown keys, types, required keys
//	      -> check: bounds, references, what may not be declared
//	      -> Faults, or the noun that package dialer knows
//
// The nouns themselves (dialer.Registry, dialer.Job, consent.Pack) know nothing
// of YAML. What only the running daemon can judge, such as whether a campaign's
// sender belongs to its party, is judged there; PlaceFaults shows its answer in
// the file all the same.
//
// # Secrets
//
// No file of these holds a secret. They name files that do, or the environment
// does; Secret prints as "<secret>" wherever it goes; and a line of a file that
// seems to hold one is cut off before it is shown.
package configs
