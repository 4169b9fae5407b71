package dialer

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Role is what an operator is trusted with.
type Role string

// The roles. Whoever reaches the daemon may stop: pause and cancel need no role.
const (
	// RoleOperator submits campaigns, stops them and lets paused ones go on.
	RoleOperator Role = "operator"
	// RoleReleaser releases trials and lets held campaigns go on, too.
	RoleReleaser Role = "releaser"
	// RoleOfficer is the data protection officer's: overrides, and the second
	// signature under anything.
	RoleOfficer Role = "officer"
)

// Roles are all of them.
var Roles = []Role{RoleOperator, RoleReleaser, RoleOfficer}

// OrderVerb is an order that lets something happen which would not happen without
// it. Such an order needs a name that can be trusted.
type OrderVerb string

// The verbs.
const (
	// OrderRelease lets a campaign go on after its trial.
	OrderRelease OrderVerb = "release"
	// OrderResume lets a campaign go on that the dialer held.
	OrderResume OrderVerb = "resume"
	// OrderOverride sets one of the house's own limits aside.
	OrderOverride OrderVerb = "override"
)

// signers are the roles that an order's first signature may have, seconders
// those that the second one may have, whatever the order is.
var (
	signers = map[OrderVerb][]Role{
		OrderRelease: {RoleReleaser}, OrderResume: {RoleReleaser}, OrderOverride: {RoleOfficer},
	}
	seconders = []Role{RoleReleaser, RoleOfficer}
)

// Approvals says what orders need.
type Approvals struct {
	// Signed tells that an order needs the signature of a registered operator.
	// Only a sandbox may do without.
	Signed bool
	// TwoPersons are the orders that need a second operator, too.
	TwoPersons map[OrderVerb]bool
	// SignOff tells that no campaign begins before its party has signed the exact
	// text off.
	SignOff bool
}

// nonceSize is how many random bytes tell two orders of one instant apart.
const nonceSize = 16

// Order is what an operator wants done, and signs. Approves is set where it only
// seconds another operator's order: it is that one's nonce.
type Order struct {
	Verb OrderVerb `json:"verb"`
	// Campaign is what the order is about: a reservation, with an override.
	Campaign string `json:"campaign"`
	Operator string `json:"operator"`
	Reason   string `json:"reason,omitempty"`
	// At is real time, never the sandbox's.
	At        time.Time `json:"at"`
	Nonce     []byte    `json:"nonce"`
	Approves  []byte    `json:"approves,omitempty"`
	Signature []byte    `json:"signature,omitempty"`
}

// NewOrder returns an order of this instant, not signed yet.
func NewOrder(verb OrderVerb, campaign, operator, reason string) Order {
	o := Order{
		Verb: verb, Campaign: campaign, Operator: operator, Reason: reason,
		At: time.Now().UTC().Round(time.Millisecond), Nonce: make([]byte, nonceSize),
	}
	_, _ = rand.Read(o.Nonce) // never fails (crypto/rand)
	return o
}

// Sign puts the operator's signature under the order.
func (o *Order) Sign(key ed25519.PrivateKey) { o.Signature = ed25519.Sign(key, o.signed()) }

// signed is what the signature covers: every field, none of which can run into
// the next.
func (o *Order) signed() []byte {
	return fmt.Appendf(nil, "hustings order 1\n%q\n%q\n%q\n%q\n%s\n%x\n%x\n",
		o.Verb, o.Campaign, o.Operator, o.Reason, o.At.UTC().Format(time.RFC3339Nano), o.Nonce, o.Approves)
}

// An order is good for orderLife, and may come from a clock that is ahead by
// orderAhead. So long its nonce is remembered: after that its instant alone
// refuses it.
const (
	orderLife  = 5 * time.Minute
	orderAhead = time.Minute
)

// OrderError is an order that was not carried out: what it lacks, and what to do
// next.
type OrderError struct {
	Reason string
	Hint   string
}

// Error returns the reason.
func (r *OrderError) Error() string { return r.Reason }

func refused(hint, reason string, values ...any) *OrderError {
	return &OrderError{Reason: fmt.Sprintf(reason, values...), Hint: hint}
}

// vouches says why the order cannot be trusted to be the operator's own; nil
// where it can. Now is real time.
func (r *Registry) vouches(o *Order, now time.Time) *OrderError {
	if !r.Approvals.Signed {
		return nil
	}
	operator, known := r.Operator(o.Operator)
	switch {
	case o.Operator == "":
		return refused("say who you are with --operator or HUSTINGS_OPERATOR", "the order %s needs an operator's name and signature", o.Verb)
	case !known:
		return refused("operators stand in the registry", "%q is no registered operator", o.Operator)
	case operator.Key == nil:
		return refused("dialctl operator key create makes a key pair and prints the line for the registry",
			"operator %s has no key in the registry", o.Operator)
	case len(o.Signature) == 0:
		return refused("sign it with --key FILE or HUSTINGS_OPERATOR_KEY, the key that dialctl operator key create has made",
			"the order %s is not signed", o.Verb)
	case !operator.hasSigned(o):
		return refused("the registry may have another key of this operator's: see dialctl operator key show",
			"the signature is not operator %s's", o.Operator)
	case now.Sub(o.At) > orderLife || o.At.Sub(now) > orderAhead:
		return refused("give it anew, and compare the clocks of both machines",
			"the order was signed at %s, and it is %s here", o.At.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return operator.entitled(o)
}

// hasSigned tells whether the order bears the operator's signature.
func (o *Operator) hasSigned(order *Order) bool {
	return o.Key != nil && len(order.Nonce) == nonceSize && ed25519.Verify(o.Key, order.signed(), order.Signature)
}

// entitled says why the operator may not sign the order; nil for one who may.
func (o *Operator) entitled(order *Order) *OrderError {
	roles, what := signers[order.Verb], "sign the order "+string(order.Verb)
	if len(order.Approves) > 0 {
		roles, what = seconders, "be the second to sign"
	}
	if slices.ContainsFunc(o.Roles, func(r Role) bool { return slices.Contains(roles, r) }) {
		return nil
	}
	wanted := make([]string, len(roles))
	for i, role := range roles {
		wanted[i] = string(role)
	}
	return refused("ask somebody whose roles in the registry name it", "operator %s may not %s: that takes the role %s",
		o.ID, what, strings.Join(wanted, " or "))
}
