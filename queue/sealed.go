package queue

import (
	"context"
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hustings/hustings/dialer"
)

// Purpose says what something is sealed for. What was sealed for one purpose
// does not open for another.
type Purpose string

// The purposes.
const (
	PurposeIntake Purpose = "hustings intake v1"
	PurposeOptOut Purpose = "hustings optout v1"
)

// ErrSealed means that sealed bytes do not open: they were changed, or sealed
// to another key or for another purpose. It does not say which.
var ErrSealed = errors.New("the sealed payload does not open")

func sealKEM() hpke.KEM   { return hpke.DHKEM(ecdh.X25519()) }
func sealKDF() hpke.KDF   { return hpke.HKDFSHA256() }
func sealAEAD() hpke.AEAD { return hpke.ChaCha20Poly1305() }

// GenerateSealKey returns a new key pair, 32 bytes each.
func GenerateSealKey() (private, public []byte, err error) {
	key, err := sealKEM().GenerateKey()
	if err != nil {
		return nil, nil, fmt.Errorf("make a sealing key: %w", err)
	}
	if private, err = key.Bytes(); err != nil {
		return nil, nil, fmt.Errorf("make a sealing key: %w", err)
	}
	return private, key.PublicKey().Bytes(), nil
}

// PublicSealKey returns the half of a private key that senders may know.
func PublicSealKey(private []byte) ([]byte, error) {
	key, err := sealKEM().NewPrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("read the sealing key: %w", err)
	}
	return key.PublicKey().Bytes(), nil
}

// Seal encrypts the plaintext so that only the holder of the private key reads
// it, the sender included.
func Seal(public []byte, purpose Purpose, plaintext []byte) ([]byte, error) {
	key, err := sealKEM().NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("read the daemon's sealing key: %w", err)
	}
	sealed, err := hpke.Seal(key, sealKDF(), sealAEAD(), []byte(purpose), plaintext)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return sealed, nil
}

// OpenSealed returns what was sealed, or ErrSealed.
func OpenSealed(private []byte, purpose Purpose, sealed []byte) ([]byte, error) {
	key, err := sealKEM().NewPrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("read the sealing key: %w", err)
	}
	plaintext, err := hpke.Open(key, sealKDF(), sealAEAD(), []byte(purpose), sealed)
	if err != nil {
		return nil, ErrSealed
	}
	return plaintext, nil
}

// OptOut tells the daemon of one objection and returns once it holds. The
// number only travels sealed.
func (c *Client) OptOut(ctx context.Context, optOut OptOut) (OptOutAnswer, error) {
	public, err := c.sealKey(ctx)
	if err != nil {
		return OptOutAnswer{}, err
	}
	sealed, err := SealOptOut(public, optOut)
	if err != nil {
		return OptOutAnswer{}, err
	}
	var answer OptOutAnswer
	err = c.Call(ctx, VerbOptOut, sealed, &answer)
	return answer, err
}

// OpenOptOut reads a sealed objection, for the daemon. What does not open or is
// none is a *ControlError of CodeInvalid that quotes nothing.
func OpenOptOut(private, sealed []byte) (OptOut, error) {
	plaintext, err := OpenSealed(private, PurposeOptOut, sealed)
	if err != nil {
		return OptOut{}, &ControlError{
			Code: CodeInvalid, Message: "the objection does not open",
			Hint: "it must be sealed to the daemon's present key, see seal_key in dialctl status --json", cause: err,
		}
	}
	var optOut OptOut
	if err := json.Unmarshal(plaintext, &optOut); err != nil {
		return OptOut{}, &ControlError{
			Code: CodeInvalid, Message: "the objection is not the JSON that is wanted", Faults: []dialer.Fault{optOutFault(plaintext, err)},
		}
	}
	return optOut, nil
}

// optOutFault says what is wrong where, and quotes nothing: the value at fault
// may be the number.
func optOutFault(plaintext []byte, err error) dialer.Fault {
	fault := dialer.Fault{Reason: "not JSON", Hint: `such as {"number":"+33...","way":"letter","received_at":"2027-03-09T10:00:00+01:00"}`}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		fault.Place = dialer.Place(plaintext, syntax.Offset)
	case errors.As(err, &kind):
		fault.Field, fault.Place, fault.Reason = kind.Field, dialer.Place(plaintext, kind.Offset), "a text is wanted"
	default: // the one field that reads itself
		fault.Field, fault.Reason = "received_at", "no instant"
	}
	return fault
}

// sealKey asks the daemon for its public key.
func (c *Client) sealKey(ctx context.Context) ([]byte, error) {
	var status Status
	if err := c.Call(ctx, VerbStatus, nil, &status); err != nil {
		return nil, err
	}
	if len(status.SealKey) == 0 {
		return nil, &ControlError{
			Code: CodeBusy, Message: "the daemon has no sealing key yet, so no number can be sent to it",
			Hint: "see what it waits for: dialctl status",
		}
	}
	return status.SealKey, nil
}
