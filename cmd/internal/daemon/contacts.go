package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// contactHandlers answer questions and orders about one contact.
func (d *Daemon) contactHandlers() map[queue.Verb]queue.Handler {
	return map[queue.Verb]queue.Handler{
		queue.VerbContactFile:    d.contactFile,
		queue.VerbContactErase:   d.contactErase,
		queue.VerbContactRectify: d.contactRectify,
		queue.VerbReviewList:     d.listReviews,
		queue.VerbReviewDecide:   d.decideReview,
		queue.VerbPolicyExplain:  d.explain,
	}
}

// openContact opens a question about a contact. Whoever asks must be an operator
// of the registry and say why: both stand in the audit log.
func (d *Daemon) openContact(request queue.Request) (contact.Number, queue.ContactQuestion, dialer.Look, error) {
	var number contact.Number
	private, err := d.keys.HPKE.Bytes()
	if err != nil {
		return number, queue.ContactQuestion{}, dialer.Look{}, fmt.Errorf("use the key of sealed messages: %w", err)
	}
	asked, err := queue.OpenContactQuestion(private, request.Verb, request.Data)
	if err != nil {
		return number, asked, dialer.Look{}, err
	}
	look, err := d.look(asked.Operator, asked.Reason)
	if err != nil {
		return number, asked, look, err
	}
	number, _, err = contact.Parse(asked.Number, d.schema.Region)
	asked.Number = ""
	if err != nil {
		return number, asked, look, &queue.ControlError{
			Code: queue.CodeInvalid, Message: "this is not a phone number, so nothing was looked up",
			Hint: "write it in international form, such as +33 and nine digits",
		}
	}
	return number, asked, look, nil
}

// look checks who looks into what is kept of a contact, and why.
func (d *Daemon) look(operator, reason string) (dialer.Look, error) {
	look := dialer.Look{Operator: operator, Reason: withoutDigits(reason)}
	if _, known := d.registry.Operator(operator); !known {
		return look, &queue.ControlError{
			Code: queue.CodeRefused, Message: "only operators of the registry may look into what is kept of a contact",
			Hint: "say who you are with --operator or HUSTINGS_OPERATOR",
		}
	}
	if strings.TrimSpace(look.Reason) == "" {
		return look, &queue.ControlError{
			Code: queue.CodeInvalid, Message: "nobody may look without a reason", Hint: "say why with --reason: it is kept in the records",
		}
	}
	return look, nil
}

func (d *Daemon) contactFile(ctx context.Context, request queue.Request) (any, error) {
	number, _, look, err := d.openContact(request)
	if err != nil {
		return nil, err
	}
	file, err := d.dialer.File(ctx, number, look)
	if err != nil {
		return nil, err
	}
	file.Sandbox = d.carrier.sandbox
	if current := d.directories.Current(); current != nil && file.Directory != nil {
		if sources, place := current.Sources(), int(file.Directory.Place); place < len(sources) {
			file.Directory.Source, file.Directory.Collected = sources[place].Name, sources[place].Collected
		}
	}
	return file, nil
}

func (d *Daemon) listReviews(ctx context.Context, request queue.Request) (any, error) {
	var asked queue.ReviewRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	if asked.Reason == "" {
		asked.Reason = "to decide on them"
	}
	look, err := d.look(asked.Operator, asked.Reason)
	if err != nil {
		return nil, err
	}
	return d.dialer.Reviews(ctx, look)
}

func (d *Daemon) decideReview(ctx context.Context, request queue.Request) (any, error) {
	var asked queue.ReviewRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	look, err := d.look(asked.Operator, asked.Reason)
	if err != nil {
		return nil, err
	}
	if asked.Verdict != dialer.VerdictOptOut && asked.Verdict != dialer.VerdictKeep {
		return nil, &queue.ControlError{Code: queue.CodeInvalid, Message: fmt.Sprintf("%q is no verdict", asked.Verdict), Hint: "opt_out or keep"}
	}
	effect, err := d.dialer.Decide(ctx, asked.Contact, asked.Verdict, look)
	if errors.Is(err, dialer.ErrNoReview) {
		return nil, &queue.ControlError{Code: queue.CodeNotFound, Message: err.Error(), Hint: "dialctl contact review shows who does"}
	}
	return queue.ReviewAnswer{Contact: asked.Contact, Verdict: asked.Verdict, Effect: string(effect)}, err
}
