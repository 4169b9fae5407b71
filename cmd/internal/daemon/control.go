package daemon

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hustings/hustings/cmd/internal/build"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/report"
	"github.com/hustings/hustings/queue"
)

// handlers answer dialctl.
func (d *Daemon) handlers() map[queue.Verb]queue.Handler {
	return map[queue.Verb]queue.Handler{
		queue.VerbStatus:             d.status,
		queue.VerbCampaignList:       func(context.Context, queue.Request) (any, error) { return d.dialer.List() },
		queue.VerbCampaignShow:       d.showCampaign,
		queue.VerbCampaignEstimate:   d.estimate,
		queue.VerbCampaignPause:      d.order(d.dialer.Pause),
		queue.VerbCampaignResume:     d.signedOrder(dialer.OrderResume),
		queue.VerbCampaignRelease:    d.signedOrder(dialer.OrderRelease),
		queue.VerbCampaignTest:       d.order(d.dialer.Test),
		queue.VerbCampaignTestCancel: d.order(d.dialer.CancelTests),
		queue.VerbCampaignCancel:     d.order(d.dialer.Cancel),
		queue.VerbSegmentCount:       d.countSegment,
		queue.VerbInvoice:            d.invoice,
		queue.VerbCampaignQuote:      d.quote,
		queue.VerbFairness:           d.fairness,
		queue.VerbCampaignSignOff:    d.signOff,
		queue.VerbOptOut:             d.optOut,
		queue.VerbPolicyReload:       d.reloadPack,
		queue.VerbLogLevel:           d.logLevel,
		queue.VerbAuditRead:          d.readAudit,
		queue.VerbAuditProve:         d.proveAudit,
		queue.VerbAuditCheckpoint:    d.signAudit,
		queue.VerbListShow:           func(context.Context, queue.Request) (any, error) { return d.dialer.Lists() },
		queue.VerbReportList:         d.listReports,
		queue.VerbNoticeShow:         d.showNotice,
		queue.VerbReportResend:       d.resendReport,
		queue.VerbReportGet:          d.getReport,
		queue.VerbStoreBackup:        d.backup,
		queue.VerbStoreReconcile:     d.reconcile,
		queue.VerbSandboxClock:       d.moveClock,
	}
}

func (d *Daemon) status(context.Context, queue.Request) (any, error) {
	waiting := d.waiting()
	status := queue.Status{
		Version: build.Version(), Carrier: string(d.config.Carrier.Kind), Sandbox: d.carrier.sandbox, Now: d.clock.Now(),
		Pack: d.dialer.Pack().Version(), Ready: len(waiting) == 0, Waiting: waiting,
		SealKey:       d.keys.HPKE.PublicKey().Bytes(),
		DataDirectory: d.config.DataDirectory, CarrierURL: d.carrier.url,
	}
	if d.carrier.sandbox {
		status.Speed = d.clock.Span(time.Second).Seconds()
	}
	if d.conn != nil {
		if loss := d.conn.Loss(); loss != nil {
			status.Notices = append(status.Notices, loss.String())
		}
	}
	status.Notices = append(status.Notices, d.keyNotices()...)
	if directory := d.directories.Current(); directory != nil {
		status.Contacts = directory.Count()
	}
	return status, nil
}

func (d *Daemon) showCampaign(_ context.Context, request queue.Request) (any, error) {
	var asked queue.CampaignRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	if !queue.ValidToken(asked.Campaign) {
		return nil, explained(dialer.ErrNoCampaign)
	}
	view, err := d.dialer.Show(asked.Campaign)
	return view, explained(err)
}

func (d *Daemon) estimate(ctx context.Context, request queue.Request) (any, error) {
	job, faults := dialer.ParseJob(request.Data)
	if len(faults) > 0 {
		return nil, &queue.ControlError{Code: queue.CodeInvalid, Message: "the job cannot be read", Faults: faults}
	}
	return d.dialer.Estimate(ctx, job)
}

func (d *Daemon) countSegment(ctx context.Context, request queue.Request) (any, error) {
	var asked dialer.SegmentQuestion
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	count, faults, err := d.dialer.CountSegment(ctx, asked)
	if len(faults) > 0 {
		return nil, &queue.ControlError{Code: queue.CodeInvalid, Message: "the segment cannot be counted", Faults: faults}
	}
	return count, err
}

// quote answers with what a party may be told, by the noise of reports.
func (d *Daemon) quote(ctx context.Context, request queue.Request) (any, error) {
	var asked dialer.SegmentQuestion
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	quoted, faults, err := d.dialer.Quote(ctx, asked, dialer.QuoteDraw{
		PerDay: report.QuotesPerDay,
		Draw: func(reachable uint64) (json.RawMessage, error) {
			drawn, err := report.DrawQuote(rand.Reader, reachable)
			if err != nil {
				return nil, err
			}
			return json.Marshal(drawn)
		},
	})
	if len(faults) > 0 {
		return nil, &queue.ControlError{Code: queue.CodeInvalid, Message: "the segment cannot be quoted", Faults: faults}
	}
	return quoted, explained(err)
}

func (d *Daemon) fairness(_ context.Context, request queue.Request) (any, error) {
	var asked queue.FairnessRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	if asked.From.IsZero() {
		asked.From = d.clock.Now().UTC().Truncate(24 * time.Hour)
		asked.To = asked.From.AddDate(0, 0, 1)
	}
	return d.dialer.Fairness(asked.From, asked.To, asked.Round)
}

func (d *Daemon) invoice(_ context.Context, request queue.Request) (any, error) {
	var asked queue.InvoiceRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	if asked.From.IsZero() {
		now := d.clock.Now().UTC()
		asked.From = time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
		asked.To = asked.From.AddDate(0, 1, 0)
	}
	invoice, err := d.dialer.Invoice(withoutDigits(asked.Party), asked.From, asked.To)
	return invoice, explained(err)
}

// order gives an operator's order and answers with the campaign as it is then.
func (d *Daemon) order(give func(ctx context.Context, campaign, operator, reason string) error) queue.Handler {
	return func(ctx context.Context, request queue.Request) (any, error) {
		var asked queue.CampaignRequest
		if err := request.Decode(&asked); err != nil {
			return nil, err
		}
		if !queue.ValidToken(asked.Campaign) {
			return nil, explained(dialer.ErrNoCampaign)
		}
		if err := give(ctx, asked.Campaign, withoutDigits(asked.Operator), withoutDigits(asked.Reason)); err != nil {
			return nil, explained(err)
		}
		return d.dialer.Show(asked.Campaign)
	}
}

// signedOrder gives an order that an operator may have signed. Nothing of it is
// changed on its way: what may not be kept is refused.
func (d *Daemon) signedOrder(verb dialer.OrderVerb) queue.Handler {
	return func(ctx context.Context, request queue.Request) (any, error) {
		var asked dialer.Order
		if err := request.Decode(&asked); err != nil {
			return nil, err
		}
		switch {
		case !queue.ValidToken(asked.Campaign):
			return nil, explained(dialer.ErrNoCampaign)
		case asked.Verb != verb:
			return nil, &queue.ControlError{Code: queue.CodeInvalid, Message: fmt.Sprintf("the order says %q and came as %q", asked.Verb, verb)}
		}
		if err := keepable(asked); err != nil {
			return nil, err
		}
		if _, err := d.dialer.Give(ctx, asked); err != nil {
			return nil, explained(err)
		}
		return d.dialer.Show(asked.Campaign)
	}
}

// keepable refuses an order whose texts may not be kept as they are, which is how
// they were signed.
func keepable(o dialer.Order) error {
	if withoutDigits(o.Operator) == o.Operator && withoutDigits(o.Reason) == o.Reason {
		return nil
	}
	return &queue.ControlError{
		Code: queue.CodeInvalid, Message: fmt.Sprintf("the reason is no line of at most %d characters without a phone number", longestText),
		Hint: "say it in fewer words, and without any number",
	}
}

// signOff enters a party's word on a text.
func (d *Daemon) signOff(ctx context.Context, request queue.Request) (any, error) {
	var asked queue.SignOffRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	if !queue.ValidToken(asked.Campaign) {
		return nil, explained(dialer.ErrNoCampaign)
	}
	asked.By, asked.Operator = withoutDigits(asked.By), withoutDigits(asked.Operator)
	if err := d.dialer.SignOff(ctx, asked.Campaign, asked.SignOff); err != nil {
		return nil, explained(err)
	}
	return d.dialer.Show(asked.Campaign)
}

// explained gives the dialer's errors the code and the hint that an operator
// needs.
func explained(err error) error {
	refusal, isRefusal := errors.AsType[*dialer.OrderError](err)
	switch {
	case isRefusal:
		return &queue.ControlError{Code: queue.CodeRefused, Message: refusal.Reason, Hint: refusal.Hint}
	case errors.Is(err, dialer.ErrNoCampaign):
		return &queue.ControlError{Code: queue.CodeNotFound, Message: err.Error(), Hint: "dialctl campaign list shows them all"}
	case errors.Is(err, dialer.ErrNoParty):
		return &queue.ControlError{Code: queue.CodeNotFound, Message: err.Error(), Hint: "the registry names them all"}
	case errors.Is(err, dialer.ErrCampaignState):
		return &queue.ControlError{Code: queue.CodeConflict, Message: err.Error(), Hint: "dialctl campaign show tells where it stands"}
	default:
		return err
	}
}

// optOut makes one objection that an operator enters effective before it answers.
func (d *Daemon) optOut(ctx context.Context, request queue.Request) (any, error) {
	return d.enterOptOut(ctx, request, "operator")
}

// optOutOfSystem does so with one that another system has heard.
func (d *Daemon) optOutOfSystem(ctx context.Context, request queue.Request) (any, error) {
	return d.enterOptOut(ctx, request, "system")
}

func (d *Daemon) enterOptOut(ctx context.Context, request queue.Request, way string) (any, error) {
	private, err := d.keys.HPKE.Bytes()
	if err != nil {
		return nil, fmt.Errorf("use the key of sealed messages: %w", err)
	}
	told, err := queue.OpenOptOut(private, request.Data)
	if err != nil {
		return nil, err
	}
	number, _, err := contact.Parse(told.Number, d.schema.Region)
	if err != nil {
		return nil, &queue.ControlError{
			Code: queue.CodeInvalid, Message: "this is not a phone number, so nothing was entered",
			Hint:   "write it in international form, such as +33 and nine digits",
			Faults: []dialer.Fault{{Field: "number", Reason: "no phone number"}},
		}
	}
	now := d.dialer.Hearing().Now()
	at := told.ReceivedAt
	if at.IsZero() || at.After(now) {
		at = now
	}
	objection := dialer.ObjectionFrom(d.keys.Identity.ID(number), wayOr(told.Way, way), at)
	objection.Reason, objection.HeardAt = withoutDigits(told.Reason), request.ReceivedAt
	effect, err := d.dialer.Object(ctx, objection)
	if err != nil {
		return nil, fmt.Errorf("enter the opt-out: %w", err)
	}
	// That it holds is told even where the directory cannot be read.
	var row dialer.Contact
	known, err := d.directories.Contact(objection.Contact, &row)
	return queue.OptOutAnswer{Contact: objection.Contact.String(), Effect: string(effect), Known: known && err == nil}, nil
}

func wayOr(way, otherwise string) string {
	if way = withoutDigits(way); way != "" {
		return way
	}
	return otherwise
}

// moveClock moves the embedded sandbox's time.
func (d *Daemon) moveClock(ctx context.Context, request queue.Request) (any, error) {
	var asked queue.SandboxClock
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	if d.carrier.inner == nil {
		return nil, &queue.ControlError{
			Code: queue.CodeRefused, Message: "there is no embedded sandbox whose clock could be moved",
			Hint: "a real carrier lives in real time; a sandbox in its own process has its own /sandbox/clock",
		}
	}
	if asked.Advance > 0 {
		if err := d.carrier.inner.AdvanceClock(time.Duration(asked.Advance)); err != nil {
			return nil, &queue.ControlError{Code: queue.CodeInvalid, Message: err.Error()}
		}
	}
	if asked.Speed > 0 {
		if err := d.carrier.inner.SetClockSpeed(asked.Speed); err != nil {
			return nil, &queue.ControlError{Code: queue.CodeInvalid, Message: err.Error()}
		}
	}
	what := fmt.Sprintf("SANDBOX clock moved by %s, speed %g", time.Duration(asked.Advance), asked.Speed)
	if err := d.dialer.Note(ctx, what, dialer.Look{Operator: withoutDigits(asked.Operator)}); err != nil {
		return nil, err
	}
	return d.status(ctx, request)
}
