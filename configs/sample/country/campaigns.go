package country

import (
	"bytes"
	"fmt"
	"io/fs"

	"github.com/hustings/hustings/configs"
)

const (
	daemonFile = `# A daemon over these lists. They are synthetic: it must be a sandbox.
data_directory: data
registry: registry.yaml
directory: directory.yaml
carrier:
  kind: sandbox
`
	registryHead = `# Parties that do not exist, one for each campaign.
operators:
  - {id: op-anne, name: Anne Martel, roles: [operator, releaser]}
approvals: {signed: false, two_persons: false}
trial: {recipients: 0, none_allowed: true}
elections:
  - id: FR-PRES-2027
    kind: presidential
    name: Élection présidentielle 2027
    rounds:
      - {id: FR-PRES-2027-R1, polling_day: 2027-04-18}
      - {id: FR-PRES-2027-R2, polling_day: 2027-05-02}
tariff: {currency: EUR, segment: 0.0725, ordered_contact: 0.35}
`
	incomeBand = `
  # The pack does not let it select people without its documented switch.
  - name: income_band
    kind: choice
    values: [under-15k, 15k-25k, 25k-40k, 40k-60k, over-60k]
`
	campaignFile = `# Everybody who consented to this party, drawn at random.
id: campaign-%[1]s
party: party-%[1]s
round: FR-PRES-2027-R1
purpose: political
channel: sms
size: %[2]d
message:
  body: >-
    Publicité politique. Parti %[1]s, parti%[1]s.example/pub - fichier Contacts
    Citoyens. STOP au 36111
  elements:
    political_ad_label: Publicité politique
    identity: Parti %[1]s
    transparency_link: parti%[1]s.example/pub
    data_origin: fichier Contacts Citoyens
    opt_out_means: STOP au 36111
sender: PARTI%[1]s
schedule:
  end: 2027-03-20T20:00:00+01:00
budget: %[3]d.00
`
)

// orders returns what one needs to run the campaigns, by file name.
func orders(options Options) (map[string][]byte, error) {
	files := map[string][]byte{"dialerd.yaml": []byte(daemonFile)}
	declared, err := fs.ReadFile(configs.Examples(), "directory.yaml")
	if err != nil {
		return nil, fmt.Errorf("embedded directory.yaml: %w", err)
	}
	files["directory.yaml"] = append(declared, incomeBand...)
	registry := bytes.NewBufferString(registryHead)
	registry.WriteString("parties:\n")
	for campaign := range options.Campaigns {
		ordinal := appendOrdinal(nil, uint64(campaign))
		fmt.Fprintf(registry, "  - {id: party-%[1]s, name: Parti %[1]s, owner_group: group-%[1]s, sponsor: {name: Mandataire du parti %[1]s, eu_eligible: true, declared_at: 2027-01-04}}\n", ordinal)
	}
	registry.WriteString("senders:\n")
	for campaign := range options.Campaigns {
		ordinal := appendOrdinal(nil, uint64(campaign))
		fmt.Fprintf(registry, "  - {id: PARTI%[1]s, parties: [party-%[1]s], channels: [sms], segments_per_second: 10000, registered: true}\n", ordinal)
		// Two segments at most, at the tariff's price, and a few euros more.
		budget := options.Size*15/100 + 5
		files[fmt.Sprintf("campaigns/campaign-%s.yaml", ordinal)] = fmt.Appendf(nil, campaignFile, ordinal, options.Size, budget)
	}
	files["registry.yaml"] = registry.Bytes()
	return files, nil
}
