package daemon

import (
	"context"
	"time"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/report"
	"github.com/hustings/hustings/queue"
)

// showNotice answers with the transparency notice of a campaign whose report is
// released: in JSON or as a page.
func (d *Daemon) showNotice(_ context.Context, request queue.Request) (any, error) {
	var asked queue.ReportRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	notice, err := d.notice(asked.Campaign)
	if err != nil {
		return nil, err
	}
	if asked.Format == "html" {
		return bytesOr(notice.HTML())
	}
	return bytesOr(notice.JSON())
}

// bytesOr is an answer of bytes as they are.
func bytesOr(text []byte, err error) (any, error) { return text, err }

func (d *Daemon) notice(campaign string) (*report.Notice, error) {
	kept, found, err := d.releasedReport(campaign)
	if err != nil {
		return nil, err
	}
	if found {
		return d.noticeOf(&kept)
	}
	return nil, &queue.ControlError{
		Code: queue.CodeNotFound, Message: "no report of that campaign is released, and so there is no notice", Hint: "dialctl report list tells when it is due",
	}
}

func (d *Daemon) noticeOf(kept *dialer.StoredReport) (*report.Notice, error) {
	said, err := d.dialer.Noticed(kept.Campaign)
	if err != nil {
		return nil, explained(err)
	}
	notice := &report.Notice{
		Campaign: said.Campaign, Party: said.Party.Name, Sponsor: said.Party.Sponsor.Name, SponsorEU: said.Party.Sponsor.EUEligible,
		Election: said.Election.Name, Round: said.Round.ID, PollingDay: said.Round.PollingDay.Format(time.DateOnly), Channel: said.Channel,
		Texts: said.Texts, Ordered: said.Ordered, Price: said.Price.String(), Amount: said.Amount.String(), Currency: said.Currency,
		Criteria: []report.NoticeCriterion{}, ReleasedAt: kept.Released, Object: said.OptOutWay, Sandbox: d.carrier.sandbox,
	}
	for _, criterion := range said.Criteria {
		notice.Criteria = append(notice.Criteria, report.NoticeCriterion(criterion))
	}
	if !said.From.IsZero() {
		notice.From, notice.To = said.From.Format(time.DateOnly), said.To.Format(time.DateOnly)
	}
	notice.Reached, err = report.ReportedReach(kept.Files["report.json"])
	return notice, err
}
