package main

import "path/filepath"

// world is what the lines of one page are run in.
type world struct {
	// name is also that of its files: testdata/pages_NAME.txtar.
	name string
	// page is empty where the world is there for what sentences name.
	page string
	// operator gives the page's orders; empty where the page says nothing of one.
	operator string
	// words are the page's placeholders, each before what takes its place.
	words []string
	// before is run before the page's lines, first before those that begin so, and
	// after behind all of them, for what the page names in sentences only.
	before string
	first  map[string]string
	after  string
	// number is what whoever is asked for a phone number types.
	number string
}

// notRun are the lines, by how they begin, that no test here runs, and why.
var notRun = map[string]string{
	"go run ./cmd/dialctl demo": "half a minute of its own: TestDemo runs it",
	"go test":                   "this test is part of it; benchmarks want a machine of their own",
	"go build -o . ./cmd/dialerd ./cmd/dialctl": "the test binary plays the programs",
	".ci/run":                                     "it runs this test, and installs what it needs",
	".ci/performance --only dispatch":             "it wants a machine of its own",
	".ci/package dist":                            "it installs a package as root: .ci/package --try does all of it",
	"apt install ./hustings.deb":                  "it wants root: .ci/package --try does it",
	"sudo systemctl enable":                       "it wants systemd and root: .ci/package --try does it",
	"systemctl enable":                            "it wants systemd and root: .ci/package --try does it",
	"systemctl status dialerd":                    "it wants systemd: .ci/package --try does it",
	"dialctl status --server tls://":              "it wants a NATS server of one's own: TestRoles_May and .ci/nats have one",
	"dialctl sample generate --contacts 28000000": "it makes gigabytes: .ci/performance runs it, and tests smaller ones",
}

const importSample = `
dialctl sample write people --contacts 2000
dialctl contacts import people/contacts-1.csv people/contacts-2.csv.gz --source 'the sample' --quiet
dialctl consent import people/grants.csv --source 'the sample' --quiet
`

var worlds = []world{readmeWorld, operationsWorld, ordersWorld, packsWorld}

// readmeWorld is that of whoever tries the program for the first time.
var readmeWorld = world{
	name: "readme", page: "README.md", number: "+33639981234\n",
	words: []string{
		"faults FILE", "faults faults.yaml", "--for 30s", "--for 500ms", "/var/backups", "FOLDER", "YOU", "op-anne", "/etc/hustings/", "FOLDER/",
		"$TOKEN", "$(cat token)", "spring", "party-a-seniors",
	},
	first: map[string]string{
		"dialctl store backup": "until dialctl sandbox faults --show\ndialctl sandbox faults --clear",
		`curl -H "Authorization: Bearer $TOKEN" https://reports.example.org/v1/campaigns`: `
			dialctl party token create party-a --json --operator op-anne | sed -n 's/.*"secret": *"\([^"]*\)".*/\1/p' >token
			test -s token`,
		"dialctl report verify spring.json": "cp hustings-data/reports/*.pem key.pem",
	},
	after: `
		dialctl sandbox verdict hustings-data/sandbox.log
		dialctl schema report
		dialctl schema config
		dialctl report show party-a-seniors --format html --output report.html
		dialctl report verify report.html --key key.pem
		dialctl report preview --reached 400 --not-reached 200
		dialctl report preview --reached 400 --not-reached 200 --draws 10
		dialctl report list
		dialctl party token list
		dialctl party token revoke $(dialctl party token list --json | sed -n 's/.*"id": *"\([^"]*\)".*/\1/p' | head -1)
		dialctl contact file --reason letter
		dialctl contact review
		dialctl list show
		dialctl retention run
		dialctl retention run --confirm --reason 'its time is over'
		dialctl audit show
		dialctl audit checkpoint
		dialctl audit export audit.jsonl
		dialctl audit prove 2
		dialctl audit verify audit.jsonl --key hustings-data/checkpoints/audit.pub
		dialctl policy explain configs/campaigns/party-a-seniors.yaml --reason 'a question'
		dialctl policy reload
		dialctl log level info
		dialctl status --json
		dialctl sandbox ringback +33162000001 --digits 9
		dialctl optout add --way phone
		dialctl contact rectify --set age_band=35-49 --reason letter
		dialctl contact erase --reason letter
		dialctl store compact
		dialctl store check
		sandbox --help`,
}

// ordersWorld is that of a house where two persons sign and parties see every text.
var ordersWorld = world{
	name: "orders",
	before: `
		chmod 600 phones.yaml
		dialctl operator key create --out anne.key --operator op-anne >>registry.yaml
		dialctl operator key create --out bruno.key --operator op-bruno >>registry.yaml
		dialerd check dialerd.yaml` + importSample,
	after: `
		dialctl campaign quote autumn.yaml
		dialctl campaign submit autumn.yaml
		dialctl campaign watch autumn --until ready
		dialctl campaign test autumn --reason 'a look'
		until dialctl campaign show autumn | grep -q 'autumn.test-1 .*closed'
		dialctl sandbox clock --speed 1
		dialctl campaign test autumn --reason 'another look'
		dialctl campaign test autumn --cancel --reason 'seen enough'
		dialctl sandbox clock --speed 6000
		dialctl campaign signoff autumn --by 'M. Tilleul' --text-sha256 $(printf %s "$(cat text)" | sha256sum | cut -c1-64)
		dialctl campaign watch autumn --until trial
		until dialctl campaign show autumn | grep -q 'must release the rest'
		dialctl watch --once
		dialctl campaign release autumn --key anne.key --reason 'looks well'
		dialctl campaign approve autumn --key bruno.key --operator op-bruno
		dialctl campaign pause autumn --reason 'a question'
		dialctl campaign resume autumn --key anne.key
		dialctl campaign cancel autumn --reason 'enough of it'
		dialctl campaign list
		dialctl campaign watch autumn --until closed
		dialctl sandbox clock --advance 49h
		dialctl report show autumn --wait
		dialctl report resend autumn --reason 'asked for' || true
		dialctl reservation add paris --round FR-PRES-2027-R1 --party party-a --segment territory=FR-75 --reason 'contract 7'
		dialctl fairness --day 2027-03-09 --round FR-PRES-2027-R1
		dialctl invoice party-a --month 2027-03
		dialctl notice show autumn
		dialctl records register
		dialctl records assessment`,
}

// operationsWorld is that of whoever runs the daemon day by day.
var operationsWorld = world{
	name: "operations", page: "OPERATIONS.md", operator: "op-anne", number: "+33639981234\n",
	words: []string{
		"dialctl key create", "dialctl key create --data-directory fresh", // the first start has made some
		"age1... --to age1...", "ANNE_RECIPIENT --to BRUNO_RECIPIENT", "/backup/", "FOLDER/backup-", "/etc/hustings/", "FOLDER/",
		"/var/lib/hustings/", "FOLDER/hustings-data/", "/var/lib/hustings", "FOLDER/hustings-data", "/copies/", "FOLDER/copies/",
		"LIST.csv", "people/contacts-1.csv people/contacts-2.csv.gz", "RIGHT.csv", "people/contacts-1.csv people/contacts-2.csv.gz",
		"dialctl watch", "dialctl watch --once", "GRANTS.csv", "people/grants.csv", "OBJECTIONS.csv", "people/optouts.csv",
		"CAMPAIGN.yaml", "$CAMPAIGN.yaml", "CAMPAIGN", "$CAMPAIGN", "HASH", `$(printf %s "$(cat text)" | sha256sum | cut -c1-64)`,
		"audit.pub", "hustings-data/checkpoints/audit.pub", "kept/", "hustings-data/checkpoints/", "/tmp/then", "FOLDER/then",
	},
	before: `
		CAMPAIGN=autumn
		chmod 600 phones.yaml
		dialctl operator key create --out anne.key >>registry.yaml
		dialctl sample write people --contacts 2000`,
	first: map[string]string{
		"dialctl status --context house": `
			mkdir -p settings/nats/context
			printf '{"url":"%s","token":"%s"}' "$HUSTINGS_NATS" "$(cat hustings-data/nats.token)" >settings/nats/context/house.json`,
		"dialctl key restore keys.age --identity anne.txt": `
			rm -rf copies && mkdir copies && cd hustings-data && cp -a objections.journal reports checkpoints ../copies
			rm -r hustings-data && mkdir hustings-data`,
		"dialctl key rotate":       "mv keys.age keys-of-then.age\ndialctl store backup /backup/hustings-then",
		"dialctl campaign release": "until dialctl campaign show CAMPAIGN | grep -q 'must release the rest'",
		"touch /var/lib/hustings/STOP": `
			until dialctl store reconcile
			CAMPAIGN=winter
			dialctl campaign submit winter.yaml
			dialctl campaign watch winter --until planned`,
		"dialctl notice show": `
			CAMPAIGN=autumn
			dialctl campaign watch autumn --until closed
			dialctl sandbox clock --advance 49h
			dialctl report show autumn --wait`,
	},
	after: `
		dialctl optout add --way phone
		dialctl contact file --reason 'a complaint'
		dialctl audit prove 2
		dialctl store compact
		dialctl retention run --confirm --reason 'its time is over'
		dialctl status --json
		dialctl key restore keys.age --identity anne.txt --keys found
		dialctl key create --data-directory new
		dialctl store restore /backup/hustings-new-key --keep-directory`,
}

// packsWorld is that of whoever keeps the rules.
var packsWorld = world{
	name: "packs", page: filepath.Join("configs", "packs", "README.md"), operator: "op-anne",
	before: "mkdir -p packs && cp configs/packs/fr.yaml packs && cp configs/campaigns/party-a-seniors.yaml campaign.yaml",
	after:  "dialctl campaign submit campaign.yaml --dry-run\ndialctl list import short-code feed.csv --file-date 2027-03-08",
}
