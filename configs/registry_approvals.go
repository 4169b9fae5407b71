package configs

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/hustings/hustings/dialer"
)

// approvalsEntry says what orders need before they are carried out.
type approvalsEntry struct {
	// Signed is true unless a sandbox says otherwise.
	Signed bool `yaml:"signed"`
	// TwoPersons counts for every order that says nothing of its own.
	TwoPersons bool          `yaml:"two_persons"`
	Release    approvalEntry `yaml:"release"`
	Resume     approvalEntry `yaml:"resume"`
	// SignOff tells that a campaign waits for its party's word on the text.
	SignOff bool `yaml:"sign_off"`
}

type approvalEntry struct {
	TwoPersons *bool `yaml:"two_persons"`
}

func (a *approvalsEntry) approvals() dialer.Approvals {
	two := map[dialer.OrderVerb]bool{}
	for verb, entry := range map[dialer.OrderVerb]approvalEntry{
		dialer.OrderRelease: a.Release, dialer.OrderResume: a.Resume,
	} {
		if two[verb] = a.TwoPersons; entry.TwoPersons != nil {
			two[verb] = *entry.TwoPersons
		}
	}
	return dialer.Approvals{Signed: a.Signed, TwoPersons: two, SignOff: a.SignOff}
}

type trialEntry struct {
	Recipients  int  `yaml:"recipients"`
	NoneAllowed bool `yaml:"none_allowed"`
}

// The bounds of a trial, in recipients: what can be looked through by hand.
const (
	usualTrial = 50
	maxTrial   = 10_000
)

// publicKey is an operator's Ed25519 key: 32 bytes in base64.
type publicKey struct{ ed25519.PublicKey }

// UnmarshalText reads the key.
func (k *publicKey) UnmarshalText(text []byte) error {
	read, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil || len(read) != ed25519.PublicKeySize {
		return fmt.Errorf("this is no public key: dialctl operator key create prints one, 44 characters of base64")
	}
	k.PublicKey = read
	return nil
}

func (f *registryFile) checkOperators(d *document) {
	seen, keys := make(map[string]string), make(map[string]string)
	d.notEmpty("operators", len(f.Operators))
	for i, o := range f.Operators {
		at := fmt.Sprintf("operators[%d]", i)
		d.token(at+".id", o.ID, tokenPattern, "lower-case letters, digits and dashes, such as op-anne")
		d.unique(seen, at+".id", o.ID)
		d.name(at+".name", o.Name)
		d.unique(keys, at+".key", base64.StdEncoding.EncodeToString(o.Key.PublicKey))
		for j, role := range o.Roles {
			if field := fmt.Sprintf("%s.roles[%d]", at, j); !slices.Contains(dialer.Roles, role) && !d.faulty(field) {
				d.fault(field, "operator, releaser or officer", "%q is no role", role)
			}
		}
	}
}

func (f *registryFile) checkTrial(d *document) {
	d.inRange("trial.recipients", f.Trial.Recipients, 0, maxTrial)
	if f.Trial.Recipients == 0 && !f.Trial.NoneAllowed && d.sound("trial.recipients") {
		d.fault("trial.recipients", "say none_allowed: true, or how many", "is 0, but no campaign may go without a trial")
	}
}

// checkSigners refuses a registry with which no trial could be released, or by
// anybody at all. It is asked for a real carrier only.
func (f *registryFile) checkSigners(d *document) {
	if !f.Approvals.Signed {
		d.fault("approvals.signed", "remove it: only a sandbox may do without", "a real carrier takes no order that nobody has signed")
		return
	}
	terms := f.approvals()
	for _, verb := range []dialer.OrderVerb{dialer.OrderRelease, dialer.OrderResume} {
		first, second := 0, 0
		for _, o := range f.Operators {
			releases, seconds := slices.Contains(o.Roles, dialer.RoleReleaser), slices.Contains(o.Roles, dialer.RoleOfficer)
			if o.Key.PublicKey != nil && releases {
				first++
			}
			if o.Key.PublicKey != nil && (releases || seconds) {
				second++
			}
		}
		hint := "dialctl operator key create makes a key pair and prints the line for the registry"
		switch {
		case first == 0:
			d.fault("operators", hint, "nobody could give the order %s: no operator has a key and the role releaser", verb)
			return
		case terms.TwoPersons[verb] && second < 2:
			d.fault("operators", hint, "the order %s needs two operators with keys, of whom one is a releaser and the other that or an officer", verb)
			return
		}
	}
}

func (f *registryFile) approvals() dialer.Approvals { return f.Approvals.approvals() }
