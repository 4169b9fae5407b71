package dialer

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// PartyToken lets whoever holds its secret read one party's reports, and nothing
// else. The ledger has only the secret's hash.
type PartyToken struct {
	// ID names the token: the first digits of the hash.
	ID    string `json:"id"`
	Party string `json:"party"`
	// Label says whose it is, in the operator's words.
	Label string    `json:"label"`
	Made  time.Time `json:"made"`
	By    string    `json:"by"`
	// Used is the last day on which it was used, and Revoked when it was taken back.
	Used    time.Time `json:"used,omitzero"`
	Revoked time.Time `json:"revoked,omitzero"`
}

const (
	// tokenMark is what secrets begin with, so that they are known where they were
	// lost.
	tokenMark  = "hustings_"
	tokenBytes = 32
	tokenID    = 8 // hexadecimal digits
)

// MakeToken makes a token for a party and returns its secret, which nobody can
// show again. The error is a *OrderError where the order lacks something, and wraps
// ErrNoParty.
func (d *Dialer) MakeToken(ctx context.Context, party, label string, look Look) (secret string, token PartyToken, err error) {
	if _, known := d.registry.Party(party); !known {
		return "", token, fmt.Errorf("party %q: %w", party, ErrNoParty)
	}
	if strings.TrimSpace(look.Operator) == "" {
		return "", token, refused("say who you are with --operator or HUSTINGS_OPERATOR", "the token is nobody's order")
	}
	drawn := make([]byte, tokenBytes)
	_, _ = rand.Read(drawn) // never fails (crypto/rand)
	secret = tokenMark + base64.RawURLEncoding.EncodeToString(drawn)
	move := &tokenMove{hash: sha256.Sum256([]byte(secret)), token: PartyToken{Party: party, Label: label, Made: d.clock.Now(), By: look.Operator}}
	move.token.ID = hex.EncodeToString(move.hash[:])[:tokenID]
	if err := d.ledger.Commit(ctx, move); err != nil {
		return "", token, fmt.Errorf("keep a token of %s: %w", party, err)
	}
	return secret, move.token, nil
}

// RevokeToken takes a token back: the next request with it is refused. The error is
// a *OrderError where there is none with that ID.
func (d *Dialer) RevokeToken(ctx context.Context, id string, look Look) (PartyToken, error) {
	tokens, err := d.tokens()
	if err != nil {
		return PartyToken{}, err
	}
	at := slices.IndexFunc(tokens, func(t keptToken) bool { return t.ID == id })
	if at < 0 {
		return PartyToken{}, refused("dialctl party token list shows them all", "there is no token %q", id)
	}
	move := &tokenMove{hash: tokens[at].hash, token: tokens[at].PartyToken}
	if move.token.Revoked.IsZero() {
		move.token.Revoked = d.clock.Now()
	}
	move.by = look.Operator
	if err := d.ledger.Commit(ctx, move); err != nil {
		return PartyToken{}, fmt.Errorf("revoke token %s: %w", id, err)
	}
	return move.token, nil
}

// tokenMove keeps a token as it is now.
type tokenMove struct {
	hash  [sha256.Size]byte
	token PartyToken
	// by is who has revoked it, and used that it was only used.
	by   string
	used bool
}

// Apply keeps the token. One that was revoked meanwhile stays so.
func (m *tokenMove) Apply(tx Tx) {
	b := books{tx}
	if known, found := b.token(m.hash); found && !known.Revoked.IsZero() {
		m.token.Revoked = known.Revoked
	}
	row, err := json.Marshal(m.token)
	if err != nil {
		b.Fail(fmt.Errorf("write a token: %w", err))
		return
	}
	b.Put(BucketToken, m.hash[:], row)
	switch {
	case m.used:
	case m.token.Revoked.IsZero():
		b.auditOrder(m.token.Made, m.token.Party, said("report token "+m.token.ID+" made", m.token.By, m.token.Label))
	default:
		b.auditOrder(m.token.Revoked, m.token.Party, said("report token "+m.token.ID+" revoked", m.by, ""))
	}
}

func (b books) token(hash [sha256.Size]byte) (token PartyToken, found bool) {
	row := b.Get(BucketToken, hash[:])
	if row == nil {
		return token, false
	}
	if err := json.Unmarshal(row, &token); err != nil {
		b.Fail(fmt.Errorf("read a token: %w", err))
		return token, false
	}
	return token, true
}

// keptToken is a token with the hash that it is kept under.
type keptToken struct {
	PartyToken
	hash [sha256.Size]byte
}

func (d *Dialer) tokens() ([]keptToken, error) {
	var tokens []keptToken
	err := d.ledger.View(func(tx Tx) error {
		for key := range tx.Rows(BucketToken, nil) {
			hash := [sha256.Size]byte(key)
			if token, found := (books{tx}).token(hash); found {
				tokens = append(tokens, keptToken{token, hash})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the tokens: %w", err)
	}
	slices.SortFunc(tokens, func(a, b keptToken) int { return a.Made.Compare(b.Made) })
	return tokens, nil
}

// Tokens returns all tokens, the oldest first.
func (d *Dialer) Tokens() ([]PartyToken, error) {
	kept, err := d.tokens()
	tokens := make([]PartyToken, len(kept))
	for i, one := range kept {
		tokens[i] = one.PartyToken
	}
	return tokens, err
}

// TokenOf returns the token whose secret that is, and false where it is nobody's or
// was revoked. The secret is found by its hash, so that the time of the answer says
// nothing of others. That it was used is noted once a day.
func (d *Dialer) TokenOf(ctx context.Context, secret string) (token PartyToken, found bool, err error) {
	hash := sha256.Sum256([]byte(secret))
	err = d.ledger.View(func(tx Tx) error {
		token, found = books{tx}.token(hash)
		return nil
	})
	if err != nil || !found || !token.Revoked.IsZero() {
		return PartyToken{}, false, err
	}
	if day := d.clock.Now().UTC().Truncate(24 * time.Hour); token.Used.Before(day) {
		token.Used = day
		if err := d.ledger.Commit(ctx, &tokenMove{hash: hash, token: token, used: true}); err != nil {
			return PartyToken{}, false, fmt.Errorf("note the use of token %s: %w", token.ID, err)
		}
	}
	return token, true, nil
}
