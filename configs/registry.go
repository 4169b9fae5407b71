package configs

import (
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// registryFile is registry.yaml as it is written. dialer.Registry is what it
// comes to.
type registryFile struct {
	// PushHosts are the servers that reports may be pushed to: none where nothing is
	// said.
	PushHosts []string        `yaml:"push_hosts"`
	Parties   []partyEntry    `yaml:"parties" want:"required"`
	Operators []operatorEntry `yaml:"operators" want:"required"`
	Senders   []senderEntry   `yaml:"senders" want:"required"`
	// SenderPools are none where nothing is said.
	SenderPools []poolEntry     `yaml:"sender_pools"`
	Elections   []electionEntry `yaml:"elections" want:"required"`
	Tariff      tariffEntry     `yaml:"tariff" want:"required"`
	// Recordings are none where nothing is said.
	Recordings []recordingEntry `yaml:"recordings"`
	// Approvals and Trial are the strict ones where nothing is said.
	Approvals approvalsEntry `yaml:"approvals"`
	Trial     trialEntry     `yaml:"trial"`
}

type partyEntry struct {
	ID   string `yaml:"id" want:"required"`
	Name string `yaml:"name" want:"required"`
	// OwnerGroup is the party's own id where nothing else is said.
	OwnerGroup string       `yaml:"owner_group"`
	Sponsor    sponsorEntry `yaml:"sponsor" want:"required"`
	// ReportPush is none where nothing is said.
	ReportPush string `yaml:"report_push"`
}

type sponsorEntry struct {
	Name string `yaml:"name" want:"required"`
	// EUEligible must be said either way: nobody may overlook the question.
	EUEligible bool `yaml:"eu_eligible" want:"required"`
	DeclaredAt date `yaml:"declared_at" want:"required"`
}

type operatorEntry struct {
	ID   string `yaml:"id" want:"required"`
	Name string `yaml:"name" want:"required"`
	// Roles are none where nothing is said, and Key is none.
	Roles []dialer.Role `yaml:"roles"`
	Key   publicKey     `yaml:"key"`
}

type senderEntry struct {
	ID       string            `yaml:"id" want:"required"`
	Parties  []string          `yaml:"parties" want:"required"`
	Channels []contact.Channel `yaml:"channels" want:"required"`
	// SegmentsPerSecond is a sender of texts', the other two are a sender of calls'.
	SegmentsPerSecond float64 `yaml:"segments_per_second"`
	CallsPerSecond    float64 `yaml:"calls_per_second"`
	CallsInProgress   int     `yaml:"calls_in_progress"`
	Registered        bool    `yaml:"registered" want:"required"`
	// TCRUseCase and CampaignVerify are what the registers of the United States
	// have the sender as.
	TCRUseCase     string `yaml:"tcr_use_case"`
	CampaignVerify bool   `yaml:"campaign_verify"`
}

type poolEntry struct {
	ID      string   `yaml:"id" want:"required"`
	Members []string `yaml:"members" want:"required"`
}

type electionEntry struct {
	ID     string       `yaml:"id" want:"required"`
	Kind   string       `yaml:"kind" want:"required"`
	Name   string       `yaml:"name" want:"required"`
	Rounds []roundEntry `yaml:"rounds" want:"required"`
}

type roundEntry struct {
	ID         string `yaml:"id" want:"required"`
	PollingDay date   `yaml:"polling_day" want:"required"`
}

type tariffEntry struct {
	Currency       string       `yaml:"currency" want:"required"`
	Segment        dialer.Money `yaml:"segment" want:"required"`
	Minute         dialer.Money `yaml:"minute"`
	OrderedContact dialer.Money `yaml:"ordered_contact" want:"required"`
	PartyDay       dialer.Money `yaml:"party_day"`
}

type recordingEntry struct {
	ID         string `yaml:"id" want:"required"`
	URL        string `yaml:"url" want:"required"`
	Seconds    int    `yaml:"seconds" want:"required"`
	Transcript string `yaml:"transcript" want:"required"`
}

// LoadRegistry reads the registry that the settings name, or the embedded
// example, with the directory's attributes and the name of the pack in force.
// An error of type Faults lists everything that is wrong with the files.
func (c *Config) LoadRegistry() (*dialer.Registry, error) {
	schema, err := c.LoadDirectory()
	if err != nil {
		return nil, err
	}
	d, err := openDocument(c.RegistryFile, registryName, maxRegistry)
	if err != nil {
		return nil, err
	}
	registry := d.registry(c.realCarrier())
	if err := d.err(); err != nil {
		return nil, err
	}
	registry.Attributes = schema.Declared()
	registry.Pack = c.Packs.Name
	return registry, nil
}

// registry reads the document as a registry.yaml and checks it, as strictly as a
// real carrier asks for where there is one.
func (d *document) registry(real bool) *dialer.Registry {
	file := &registryFile{Approvals: approvalsEntry{Signed: true}, Trial: trialEntry{Recipients: usualTrial}}
	d.decode(file)
	if d.root != nil {
		file.check(d)
		if real {
			file.checkSigners(d)
		}
	}
	return file.registry()
}

func (f *registryFile) registry() *dialer.Registry {
	r := &dialer.Registry{Tariff: dialer.Tariff(f.Tariff), Approvals: f.approvals(), Trial: dialer.TrialTerms(f.Trial)}
	for _, p := range f.Parties {
		group := p.OwnerGroup
		if group == "" {
			group = p.ID
		}
		r.Parties = append(r.Parties, dialer.Party{
			ID: p.ID, Name: p.Name, OwnerGroup: group, ReportPush: p.ReportPush,
			Sponsor: dialer.Sponsor{Name: p.Sponsor.Name, EUEligible: p.Sponsor.EUEligible, DeclaredAt: p.Sponsor.DeclaredAt.Time},
		})
	}
	for _, o := range f.Operators {
		r.Operators = append(r.Operators, dialer.Operator{ID: o.ID, Name: o.Name, Roles: o.Roles, Key: o.Key.PublicKey})
	}
	for _, s := range f.Senders {
		r.Senders = append(r.Senders, dialer.Sender(s))
	}
	for _, one := range f.Recordings {
		r.Recordings = append(r.Recordings, dialer.Recording(one))
	}
	for _, p := range f.SenderPools {
		r.SenderPools = append(r.SenderPools, dialer.SenderPool(p))
	}
	for _, e := range f.Elections {
		election := dialer.Election{ID: e.ID, Kind: e.Kind, Name: e.Name}
		for _, round := range e.Rounds {
			election.Rounds = append(election.Rounds, dialer.Round{ID: round.ID, PollingDay: round.PollingDay.Time})
		}
		r.Elections = append(r.Elections, election)
	}
	return r
}
