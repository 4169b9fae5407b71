package configs

import (
	"path/filepath"
	"time"

	"github.com/hustings/hustings/dialer"
)

// Config is what dialerd.yaml says. Every key has a default, so that a daemon
// with no file at all is a sandbox that one can try.
//
// A file's relative paths are relative to the file; Load makes them absolute.
type Config struct {
	// DataDirectory holds the ledger, the directory, the objection journal and
	// the reports: everything that must survive.
	DataDirectory string  `yaml:"data_directory"`
	Store         Store   `yaml:"store"`
	Log           Log     `yaml:"log"`
	Carrier       Carrier `yaml:"carrier"`
	NATS          NATS    `yaml:"nats"`
	HTTP          HTTP    `yaml:"http"`
	// RegistryFile names the parties, operators, senders, elections and the
	// tariff. Empty means the embedded example, which a real carrier refuses.
	RegistryFile string `yaml:"registry"`
	// DirectoryFile declares what is kept of a contact. Empty means the
	// embedded declaration.
	DirectoryFile string `yaml:"directory"`
	// TestNumbersFile holds the broker's own phones, and nobody but the daemon's
	// user may read it. Empty means that there are none.
	TestNumbersFile string `yaml:"test_numbers"`
	Packs           Packs  `yaml:"packs"`
	Pacing          Pacing `yaml:"pacing"`
	Keys            Keys   `yaml:"keys"`
	Audit           Audit  `yaml:"audit"`
	// Holds say by which figures the dialer holds a campaign.
	Holds Holds `yaml:"holds"`
	// Retention says how long what must be kept is kept.
	Retention Retention `yaml:"retention"`

	// document is where the settings came from; nil where they are defaults.
	document *document
}

// Store says how the data directory is kept.
type Store struct {
	// MinimumFree is how much space must be free for dialling to go on: it
	// stops long before the disk is full, so that statuses and objections can
	// still be written. 0 dials until nothing can be.
	MinimumFree Size `yaml:"minimum_free"`
}

// Log says what is logged and how it looks.
type Log struct {
	// Level is debug, info, warn or error.
	Level string `yaml:"level"`
	// Format is json, for programs, or console, for people.
	Format string `yaml:"format"`
}

// CarrierKind names a carrier.
type CarrierKind string

// The carriers.
const (
	CarrierSandbox CarrierKind = "sandbox"
	CarrierTwilio  CarrierKind = "twilio"
)

// Carrier says who carries the messages. Only the part that Kind names counts.
type Carrier struct {
	Kind CarrierKind `yaml:"kind"`
	// KeepDays is how many days the carrier may keep its copies of messages that
	// are over; 0 means for ever. No reconcile can look further back.
	KeepDays int     `yaml:"keep_days"`
	Twilio   Twilio  `yaml:"twilio"`
	Sandbox  Sandbox `yaml:"sandbox"`
}

// Twilio is the account that real messages go through.
type Twilio struct {
	// AccountSID is AC and 32 hexadecimal digits.
	AccountSID string `yaml:"account_sid"`
	// AuthTokenFile holds the account's token; see Twilio.AuthToken for where
	// else it may come from.
	AuthTokenFile string `yaml:"auth_token_file"`
	APIBaseURL    string `yaml:"api_base_url"`
	// MaxConnections is how many connections to the API are open at most.
	MaxConnections int `yaml:"max_connections"`
	// Timeout is how long an answer may take. What takes longer is in doubt.
	Timeout time.Duration `yaml:"timeout"`
}

// Sandbox is the carrier that only pretends.
type Sandbox struct {
	// APIBaseURL is the address of a sandbox in its own process. Empty means
	// the embedded one, which needs neither AccountSID nor AuthTokenFile, and
	// which alone is told the rest of this part.
	APIBaseURL    string `yaml:"api_base_url"`
	AccountSID    string `yaml:"account_sid"`
	AuthTokenFile string `yaml:"auth_token_file"`
	// Seed decides what happens to whom: one seed, one story.
	Seed  uint64 `yaml:"seed"`
	Clock Clock  `yaml:"clock"`
	// StopFraction is the share of numbers that answer a delivered message,
	// Undelivered and Failed of those whose messages end so, and Silent of
	// those whose messages get no final status; from 0 to 1.
	StopFraction float64 `yaml:"stop_fraction"`
	Undelivered  float64 `yaml:"undelivered"`
	Failed       float64 `yaml:"failed"`
	Silent       float64 `yaml:"silent"`
	// Latency is real time added to every answer of the API.
	Latency time.Duration `yaml:"latency"`
}

// Clock is the sandbox's own time: it shows Start when the data directory is
// new and then runs Speed seconds a real second.
type Clock struct {
	Start time.Time `yaml:"start"`
	Speed float64   `yaml:"speed"`
}

// NATS says where jobs come from.
type NATS struct {
	// URL names a server or, separated by commas, a cluster. Empty means the
	// embedded server.
	URL string `yaml:"url"`
	// Credentials is the file by which that server knows the daemon: credentials as
	// nsc writes them, or the seed of an nkey.
	Credentials string `yaml:"credentials"`
	// CA is a file, in PEM, of the authorities that have signed that server's
	// certificate; empty means the system's.
	CA string `yaml:"ca"`
	// Replicas is on how many servers of a cluster each message is kept: 1, 3 or 5.
	Replicas int          `yaml:"replicas"`
	Embedded NATSEmbedded `yaml:"embedded"`
}

// NATSEmbedded is the server in the daemon's own process.
type NATSEmbedded struct {
	// Listen is host:port on this machine alone: the server asks nobody who
	// they are.
	Listen string `yaml:"listen"`
}

// HTTP says where the daemon listens.
type HTTP struct {
	Callbacks Callbacks `yaml:"callbacks"`
	Ops       Ops       `yaml:"ops"`
	Reports   Reports   `yaml:"reports"`
}

// Callbacks is the listener that the carrier reaches.
type Callbacks struct {
	// Listen is host:port; port 0 takes any that is free.
	Listen string `yaml:"listen"`
	// PublicURL is how the carrier sees the listener. The carrier signs it, so
	// it must be exact. Empty with the sandbox means the listener's address.
	PublicURL string `yaml:"public_url"`
}

// Ops is the listener for health and metrics.
type Ops struct {
	Listen string `yaml:"listen"`
}

// Reports is the listener at which parties fetch their reports. Left out, there is
// none.
type Reports struct {
	Listen string `yaml:"listen"`
	// Certificate and Key are files in PEM, read anew when they change. Without them
	// the listener is for a proxy on this machine alone.
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
}

// Packs says which rules govern the directory.
type Packs struct {
	// Directory holds packs that take the place of embedded ones of the same
	// name. Empty means the embedded ones only.
	Directory string `yaml:"directory"`
	// Name is the pack in force, such as "FR".
	Name string `yaml:"name"`
}

// Pacing bounds how fast the daemon goes, beside the senders' own rates.
type Pacing struct {
	// InFlight is how many requests to the carrier may be open at once.
	InFlight int `yaml:"in_flight"`
}

// Holds say by which figures the dialer holds a campaign until an operator lets
// it go on.
type Holds struct {
	// OptOuts limits those who object after a message of the campaign's, Filtering
	// the messages that carriers drop as unwanted.
	OptOuts   ShareLimit `yaml:"opt_outs"`
	Filtering ShareLimit `yaml:"filtering"`
	// Spending limits how much faster money may go than the sender's rate and the
	// tariff explain.
	Spending SpendLimit `yaml:"spending"`
}

// ShareLimit is the share of a window's messages that may end so, once there are
// Minimum of them.
type ShareLimit struct {
	Window  time.Duration `yaml:"window"`
	Share   float64       `yaml:"share"`
	Minimum int           `yaml:"minimum"`
}

// SpendLimit is how many times the forecast may be spent in a window, once Minimum
// was.
type SpendLimit struct {
	Window  time.Duration `yaml:"window"`
	Factor  float64       `yaml:"factor"`
	Minimum dialer.Money  `yaml:"minimum"`
}

// Limits are the holds as the dialer knows them.
func (h Holds) Limits() dialer.Limits {
	return dialer.Limits{
		OptOuts: dialer.ShareLimit(h.OptOuts), Filtering: dialer.ShareLimit(h.Filtering), Spending: dialer.SpendLimit(h.Spending),
	}
}

// Retention says for how many whole years things are kept; see
// dialer.Retention. What the law sets is a bound: nothing goes before its time,
// and no contact stays beyond theirs.
type Retention struct {
	// AttemptYears is how long the log of attempts is kept, ProofYears a
	// consent's proof beyond the consent, RecordYears a campaign's record and
	// the audit log's texts.
	AttemptYears int `yaml:"attempt_years"`
	ProofYears   int `yaml:"proof_years"`
	RecordYears  int `yaml:"record_years"`
	// ContactYears is how long a contact stays in the directory after it was
	// collected or last heard of.
	ContactYears int `yaml:"contact_years"`
}

// Policy is the retention as the dialer knows it.
func (r Retention) Policy() dialer.Retention {
	return dialer.Retention{Attempts: r.AttemptYears, Proofs: r.ProofYears, Records: r.RecordYears, Contacts: r.ContactYears}
}

// Keys says where the keys lie: outside the data directory's backups.
type Keys struct {
	// Directory is the folder of the key files. Empty means "keys" in the data
	// directory.
	Directory string `yaml:"directory"`
}

// Audit says where the audit log's checkpoints are kept.
type Audit struct {
	// Checkpoints is their folder, outside the data directory's backups. Empty means
	// "checkpoints" in the data directory.
	Checkpoints string `yaml:"checkpoints"`
}

// CheckpointsDirectory returns where the audit log's checkpoints are kept.
func (c *Config) CheckpointsDirectory() string {
	if c.Audit.Checkpoints != "" {
		return c.Audit.Checkpoints
	}
	return filepath.Join(c.DataDirectory, "checkpoints")
}

// Defaults returns the settings of a daemon without a file: a sandbox six
// weeks before the first round, with embedded registry, directory and packs.
// An empty dataDirectory means "hustings-data" in the working directory.
func Defaults(dataDirectory string) *Config {
	if dataDirectory == "" {
		dataDirectory = "hustings-data"
	}
	return &Config{
		DataDirectory: dataDirectory,
		Store:         Store{MinimumFree: 256 * MiB},
		Log:           Log{Level: "info", Format: "json"},
		Carrier: Carrier{
			Kind:     CarrierSandbox,
			KeepDays: 7,
			Twilio:   Twilio{APIBaseURL: "https://api.twilio.com", MaxConnections: 64, Timeout: 10 * time.Second},
			Sandbox: Sandbox{
				Seed: 1,
				// A Tuesday morning: windows are open and silence is far.
				Clock:        Clock{Start: time.Date(2027, time.March, 9, 9, 0, 0, 0, time.UTC), Speed: 600},
				StopFraction: 0.02, Undelivered: 0.05, Failed: 0.01, Silent: 0.01, Latency: 200 * time.Millisecond,
			},
		},
		NATS: NATS{Replicas: 1, Embedded: NATSEmbedded{Listen: "127.0.0.1:4222"}},
		HTTP: HTTP{
			Callbacks: Callbacks{Listen: "127.0.0.1:0"},
			Ops:       Ops{Listen: "127.0.0.1:9427"},
		},
		Packs:  Packs{Name: "FR"},
		Pacing: Pacing{InFlight: 64},
		// The house's own. Of texts that people asked for, fewer than one in a
		// hundred is answered with a STOP.
		Holds: Holds{
			OptOuts:   ShareLimit{Window: time.Hour, Share: 0.05, Minimum: 500},
			Filtering: ShareLimit{Window: time.Hour, Share: 0.05, Minimum: 200},
			Spending:  SpendLimit{Window: 30 * time.Minute, Factor: 2, Minimum: 50 * dialer.Unit},
		},
		// One year and five are the house's, seven is regulation (EU) 2024/900,
		// art. 9, three is the CNIL's for prospects.
		Retention: Retention{AttemptYears: 1, ProofYears: 5, RecordYears: 7, ContactYears: 3},
	}
}

// KeysDirectory returns where the keys lie.
func (c *Config) KeysDirectory() string {
	if c.Keys.Directory != "" {
		return c.Keys.Directory
	}
	return filepath.Join(c.DataDirectory, "keys")
}
