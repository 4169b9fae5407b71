package configs

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/dialer"
)

// Ensure that dialerd.yaml says what a daemon without a file does, so that it
// documents the defaults and cannot drift from them.
func TestLoad_ExampleIsDefault(t *testing.T) {
	t.Parallel()
	got, err := Load("dialerd.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults("")
	want.resolve(".")
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Errorf("dialerd.yaml differs from Defaults (-Defaults +file):\n%s", diff)
	}
	if err := want.Validate(); err != nil {
		t.Errorf("Defaults are not valid: %v", err)
	}
	if want, got := filepath.Join(want.DataDirectory, "keys"), got.KeysDirectory(); got != want || !filepath.IsAbs(got) {
		t.Errorf("keys are in %s, want %s", got, want)
	}
}

// Ensure that the example for going live is valid as it stands, and that its
// relative and absolute paths are kept apart.
func TestLoad_Twilio(t *testing.T) {
	t.Parallel()
	config, err := Load("dialerd.twilio.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if config.Carrier.Kind != CarrierTwilio || config.RegistryFile != "/etc/hustings/registry.yaml" {
		t.Errorf("got carrier %q, registry %q", config.Carrier.Kind, config.RegistryFile)
	}
}

// Ensure that the embedded registry, directory and packs fit one another.
func TestDefaults_Load(t *testing.T) {
	t.Parallel()
	config := Defaults(t.TempDir())
	registry, err := config.LoadRegistry()
	if err != nil {
		t.Fatal(err)
	}
	packs, err := config.LoadPacks()
	if err != nil {
		t.Fatal(err)
	}
	if packs["FR"] == nil || registry.Pack != "FR" {
		t.Errorf("packs are %v, in force is %q", sortedKeys(packs), registry.Pack)
	}
	if _, election, ok := registry.Round("FR-PRES-2027-R2"); !ok || election.Kind != "presidential" {
		t.Errorf("round 2 belongs to %+v", election)
	}
	if registry.Tariff.Segment != 72_500 || registry.Tariff.OrderedContact != 350_000 {
		t.Errorf("tariff is %+v", registry.Tariff)
	}
	var names []string
	for _, a := range registry.Attributes {
		names = append(names, a.Name)
		if len(a.Values) == 0 {
			t.Errorf("attribute %s has no values", a.Name)
		}
	}
	if want := []string{"territory", "age_band", "gender", "commune"}; !slices.Equal(names, want) {
		t.Errorf("attributes are %v, want %v", names, want)
	}
}

// Ensure that every party has a sender of its own: in the demo each of them
// can order.
func TestDefaults_EveryPartyHasSender(t *testing.T) {
	t.Parallel()
	registry, err := Defaults("").LoadRegistry()
	if err != nil {
		t.Fatal(err)
	}
	for _, party := range registry.Parties {
		serves := func(s dialer.Sender) bool { return slices.Contains(s.Parties, party.ID) }
		if !slices.ContainsFunc(registry.Senders, serves) {
			t.Errorf("%s has no sender", party.ID)
		}
	}
}

// Ensure that the example campaigns name what the example registry has, fit
// into two segments of plain characters and stay within their budget.
func TestReadCampaign_Examples(t *testing.T) {
	t.Parallel()
	registry, err := Defaults("").LoadRegistry()
	if err != nil {
		t.Fatal(err)
	}
	for name, party := range map[string]string{"party-a-seniors": "party-a", "party-b-seniors": "party-b", "party-a-variants": "party-a", "party-a-calls": "party-a"} {
		job, err := ReadCampaign("campaigns/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		sender, _ := registry.Sender(job.Sender)
		if _, _, ok := registry.Round(job.Round); !ok || !sender.Serves(job.Party, job.Channel) || job.Party != party {
			t.Errorf("%s: party %s, round %s and sender %s do not belong together", job.ID, job.Party, job.Round, job.Sender)
		}
		bodies := []string{job.Message.Body}
		for i, variant := range job.Message.Variants {
			bodies = append(bodies[:i], variant.Body)
		}
		for _, body := range bodies {
			size := dialer.MeasureText(body)
			if job.Call != nil {
				if most := registry.Tariff.Minute * dialer.Money(job.Size); most > job.Budget {
					t.Errorf("%s: the budget of %v does not reach: %v", job.ID, job.Budget, most)
				}
				for _, fault := range job.Validate(registry) {
					t.Errorf("%s: %s", job.ID, fault)
				}
				continue
			}
			if size.Encoding != "GSM-7" || size.Segments > 2 {
				t.Errorf("%s: the body is %+v", job.ID, size)
			}
			if most := registry.Tariff.Segment * dialer.Money(size.Segments*job.Size); most > job.Budget {
				t.Errorf("%s: the budget of %v does not reach: %v", job.ID, job.Budget, most)
			}
		}
	}
}

// Ensure that the rules in force let the example campaigns begin.
func TestReadCampaign_ExamplesAreLawful(t *testing.T) {
	t.Parallel()
	config := Defaults("")
	registry, err := config.LoadRegistry()
	if err != nil {
		t.Fatal(err)
	}
	packs, err := config.LoadPacks()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"party-a-seniors", "party-b-seniors", "party-a-variants", "party-a-calls"} {
		job, err := ReadCampaign("campaigns/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		elements, err := consent.ParseElements(sortedKeys(job.Message.Elements))
		if err != nil {
			t.Fatal(err)
		}
		party, _ := registry.Party(job.Party)
		sender, _ := registry.Sender(job.Sender)
		round, election, _ := registry.Round(job.Round)
		decision := packs[registry.Pack].CheckCampaign(&consent.Campaign{
			Party: job.Party, Channel: job.Channel, CallerID: job.Sender,
			Election:      consent.Election{ID: round.ID, Kind: election.Kind, PollingDay: round.PollingDay},
			Message:       consent.Message{Elements: elements},
			Attributes:    sortedKeys(job.Segment),
			Sponsor:       consent.Sponsor{EUEligible: party.Sponsor.EUEligible},
			Registrations: consent.Registrations{SenderMissing: !sender.Registered},
		}, job.Schedule.Start)
		if decision.Verdict != consent.Allow {
			t.Errorf("%s: %+v", job.ID, decision)
		}
	}
}

// Ensure that a campaign means the same in YAML and in JSON.
func TestReadCampaign_JSON(t *testing.T) {
	t.Parallel()
	job, err := ReadCampaign("campaigns/party-a-seniors.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "job.json")
	if err := os.WriteFile(path, marshal(t, job), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := ReadCampaign(path)
	if err != nil {
		t.Fatal(err)
	}
	if again.Hash() != job.Hash() {
		t.Errorf("got %+v, want %+v", again, job)
	}
}

// Ensure that what the daemon finds wrong with a job is shown in its file.
func TestPlaceFaults(t *testing.T) {
	t.Parallel()
	faults := PlaceFaults("campaigns/party-a-seniors.yaml", []dialer.Fault{
		{Field: "segment.age_band[0]", Reason: "is not a declared value", Hint: "declared: 18-24"},
		{Field: "sender", Reason: "belongs to another party"},
		{Field: "retry.maximum", Reason: "is too high"},
	})
	expect(t, "testdata/placed.txt", faults.Error()+"\n")
	if faults := PlaceFaults("campaigns/none.yaml", []dialer.Fault{{Field: "size", Reason: "too small"}}); len(faults) != 1 || faults[0].Line != 0 {
		t.Errorf("without a file: got %+v", faults)
	}
}

// Ensure that the examples can be copied out.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"dialerd.yaml", "dialerd.twilio.yaml", "registry.yaml", "directory.yaml", "campaigns/party-b-seniors.yaml", "packs/fr.yaml"} {
		embedded, err := fs.ReadFile(Examples(), name)
		if err != nil || !strings.HasPrefix(string(embedded), "#") {
			t.Errorf("%s: %v: does not begin by saying what it is", name, err)
		}
	}
}
