package daemon

import (
	"context"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// partyHandlers answer for parties and their tokens.
func (d *Daemon) partyHandlers() map[queue.Verb]queue.Handler {
	return map[queue.Verb]queue.Handler{
		queue.VerbPartyList:   d.listParties,
		queue.VerbTokenCreate: d.makeToken,
		queue.VerbTokenList:   func(context.Context, queue.Request) (any, error) { return d.dialer.Tokens() },
		queue.VerbTokenRevoke: d.revokeToken,
	}
}

func (d *Daemon) listParties(context.Context, queue.Request) (any, error) {
	tokens, err := d.dialer.Tokens()
	if err != nil {
		return nil, err
	}
	good := map[string]int{}
	for _, token := range tokens {
		if token.Revoked.IsZero() {
			good[token.Party]++
		}
	}
	parties := []queue.PartyInfo{}
	for _, party := range d.registry.Parties {
		parties = append(parties, queue.PartyInfo{ID: party.ID, Name: party.Name, Sponsor: party.Sponsor.Name, Tokens: good[party.ID]})
	}
	return parties, nil
}

func (d *Daemon) makeToken(ctx context.Context, request queue.Request) (any, error) {
	var asked queue.TokenRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	secret, token, err := d.dialer.MakeToken(ctx, withoutDigits(asked.Party), withoutDigits(asked.Label), dialer.Look{Operator: withoutDigits(asked.Operator)})
	if err != nil {
		return nil, explained(err)
	}
	return queue.TokenMade{PartyToken: token, Secret: secret, Address: d.reportsAddress}, nil
}

func (d *Daemon) revokeToken(ctx context.Context, request queue.Request) (any, error) {
	var asked queue.TokenRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	token, err := d.dialer.RevokeToken(ctx, asked.ID, dialer.Look{Operator: withoutDigits(asked.Operator)})
	return token, explained(err)
}
