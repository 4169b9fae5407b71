package dialer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// SignOff is a party's word that this exact text may be sent, as an operator has
// it from them. A campaign's text never changes: another text is another campaign,
// and needs another word.
type SignOff struct {
	// TextSHA256 is the hash of the text that the party was shown, in hexadecimal
	// digits, and By who at the party has agreed to it.
	TextSHA256 string `json:"text_sha256"`
	By         string `json:"by"`
	// Operator entered it, at At.
	Operator string    `json:"operator,omitempty"`
	At       time.Time `json:"at"`
}

// textSHA256 is the hash that a sign-off must name: the text's, or where there are
// several that of all, in their order and each followed by a zero byte.
func (j *Job) textSHA256() string {
	texts := j.texts()
	if len(texts) == 1 {
		hash := sha256.Sum256([]byte(texts[0].body))
		return hex.EncodeToString(hash[:])
	}
	hash := sha256.New()
	for _, text := range texts {
		hash.Write([]byte(text.body))
		hash.Write([]byte{0})
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// SignOff enters a party's word on a campaign's text. The error is a *OrderError where
// the word is about another text or nobody's, and wraps ErrCampaignState where the
// campaign has ended.
func (d *Dialer) SignOff(ctx context.Context, name string, word SignOff) error {
	if strings.TrimSpace(word.By) == "" {
		return refused("say with --by who at the party has agreed", "the sign-off is nobody's")
	}
	move := &signOffMove{word: word}
	move.from = openStates
	err := d.control(ctx, name, &move.stateMove, move)
	if move.refusal != nil {
		return move.refusal
	}
	return err
}

// signOffMove keeps a sign-off; the state stays.
type signOffMove struct {
	stateMove
	word    SignOff
	refusal *OrderError
}

// Apply keeps the word if it is about the campaign's text.
func (m *signOffMove) Apply(tx Tx) {
	b := books{tx}
	balance := b.balance(m.number)
	if m.was = balance.State; !m.fits(&balance) {
		return
	}
	record, found := b.campaign(m.number)
	if !found {
		b.Fail(fmt.Errorf("campaign %d has a balance but no record", m.number))
		return
	}
	if text := record.Job.textSHA256(); !strings.EqualFold(m.word.TextSHA256, text) {
		m.refusal = refused("show the party the text that dialctl campaign show prints the hash of, and ask again",
			"the sign-off is for another text: the campaign's has the SHA-256 %s", text)
		return
	}
	m.word.TextSHA256, m.word.At = record.Job.textSHA256(), m.at
	record.SignOff, m.done, m.to = &m.word, true, balance.State
	b.putCampaign(record)
	b.auditOrder(m.at, record.Job.ID, fmt.Sprintf("text %s signed off by %q, entered by %s", m.word.TextSHA256, m.word.By, m.word.Operator))
}

// unsigned tells whether the campaign must wait for its party's word.
func (d *Dialer) unsigned(record *campaignRecord) bool {
	return d.registry.Approvals.SignOff && record.Test == nil && (record.SignOff == nil || record.SignOff.TextSHA256 != record.Job.textSHA256())
}
