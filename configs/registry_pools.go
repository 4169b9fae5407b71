package configs

import (
	"fmt"
	"slices"
)

// checkPools checks that a pool can stand where a sender can: its name is no
// sender's, and whichever member a contact sees may be used by the same parties on
// the same channels.
func (f *registryFile) checkPools(d *document, taken map[string]string) {
	senders := make([]string, len(f.Senders))
	for i, s := range f.Senders {
		senders[i] = s.ID
	}
	for i, p := range f.SenderPools {
		at := fmt.Sprintf("sender_pools[%d]", i)
		d.token(at+".id", p.ID, tokenPattern, "lower-case letters, digits and dashes, such as pool-a")
		d.unique(taken, at+".id", p.ID)
		if n := len(p.Members); n < 2 && d.sound(at+".members") {
			d.fault(at+".members", "a job can name a single sender itself", "%d cannot be a pool", n)
		}
		seen := make(map[string]string)
		for j, member := range p.Members {
			field := fmt.Sprintf("%s.members[%d]", at, j)
			if member != "" && !d.faulty(field) && !slices.Contains(senders, member) {
				d.fault(field, suggest(member, senders), "no sender has the id %q", member)
			}
			d.unique(seen, field, member)
			f.checkMember(d, field, p.Members[0], member)
		}
	}
}

// checkMember compares a member with the pool's first one.
func (f *registryFile) checkMember(d *document, field, first, member string) {
	named := func(id string) int {
		return slices.IndexFunc(f.Senders, func(s senderEntry) bool { return s.ID == id })
	}
	i, j := named(first), named(member)
	if i < 0 || j < 0 || d.faulty(field) {
		return
	}
	for _, other := range []struct {
		what string
		same bool
	}{
		{"parties", sameSet(f.Senders[i].Parties, f.Senders[j].Parties)},
		{"channels", sameSet(f.Senders[i].Channels, f.Senders[j].Channels)},
	} {
		if !other.same {
			d.fault(field, "any member may be the one that a contact sees", "sender %s is not for the same %s as %s", member, other.what, first)
			return
		}
	}
}

// sameSet tells whether two lists name the same things, in whatever order.
func sameSet[T comparable](one, other []T) bool {
	within := func(a, b []T) bool { return !slices.ContainsFunc(a, func(x T) bool { return !slices.Contains(b, x) }) }
	return within(one, other) && within(other, one)
}
