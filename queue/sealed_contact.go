package queue

import (
	"context"
	"encoding/json"
	"fmt"
)

// contactPurpose is what a question about a contact is sealed for: one verb, so
// that a look that was recorded on its way cannot come back as an erasure.
func contactPurpose(verb Verb) Purpose { return Purpose("hustings " + string(verb) + " v1") }

// AskContact asks about one contact, or gives an order about one. The number
// only travels sealed.
func (c *Client) AskContact(ctx context.Context, verb Verb, question ContactQuestion, answer any) error {
	public, err := c.sealKey(ctx)
	if err != nil {
		return err
	}
	plaintext, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("write the question: %w", err)
	}
	sealed, err := Seal(public, contactPurpose(verb), plaintext)
	if err != nil {
		return err
	}
	return c.Call(ctx, verb, sealed, answer)
}

// OpenContactQuestion reads what was sealed for that verb, for the daemon. What
// does not open or is no question is a *ControlError of CodeInvalid that quotes
// nothing.
func OpenContactQuestion(private []byte, verb Verb, sealed []byte) (ContactQuestion, error) {
	var question ContactQuestion
	plaintext, err := OpenSealed(private, contactPurpose(verb), sealed)
	if err != nil {
		return question, &ControlError{
			Code: CodeInvalid, Message: "the question does not open",
			Hint: "it must be sealed to the daemon's present key, see seal_key in dialctl status --json", cause: err,
		}
	}
	if err := json.Unmarshal(plaintext, &question); err != nil {
		return ContactQuestion{}, &ControlError{Code: CodeInvalid, Message: "the question is not the JSON that is wanted"}
	}
	return question, nil
}
