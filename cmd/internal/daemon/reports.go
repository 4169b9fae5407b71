package daemon

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/report"
	"github.com/hustings/hustings/queue"
)

// releaseReports draws the reports whose day has come, keeps their files and
// publishes them. What could not be published is tried again.
func (d *Daemon) releaseReports(ctx context.Context) error {
	unpublished, err := d.rereadReports(ctx)
	if err != nil {
		return err
	}
	if err := d.writeReports(); err != nil {
		return err
	}
	return everyReal(ctx, time.Second, func() error {
		if !d.dialer.Trusted() {
			return nil // what the ledger says of a campaign may not be the end of it
		}
		due, err := d.dialer.ReportsDue()
		if err != nil {
			return err
		}
		for _, totals := range due {
			kept, err := d.release(ctx, totals)
			if err != nil {
				return err
			}
			unpublished = append(unpublished, kept)
		}
		unpublished = slices.DeleteFunc(unpublished, func(kept dialer.StoredReport) bool { return d.publish(ctx, kept) })
		return nil
	})
}

// release draws one report, once: its files, which appear all together or not at
// all, are what it is from then on. Where they are there already, because the
// daemon was killed or a restored ledger has forgotten, they are the report (I11).
// Nobody is told before the ledger has it, too.
func (d *Daemon) release(ctx context.Context, totals dialer.Totals) (dialer.StoredReport, error) {
	kept, released := d.readReport(totals.Campaign)
	if !released {
		var err error
		if kept, err = d.draw(totals); err != nil {
			return kept, fmt.Errorf("draw the report of campaign %s: %w", totals.Campaign, err)
		}
		if err := d.writeReport(kept); err != nil {
			return kept, err
		}
	}
	// What is on disk is entered, even while the daemon is stopping.
	kept, err := d.dialer.StoreReport(context.WithoutCancel(ctx), kept)
	if err != nil {
		return kept, err
	}
	d.log.Info().Str(dialer.FieldEvent, eventReport).Str(dialer.FieldCampaign, kept.Campaign).Str(dialer.FieldParty, kept.Party).Send()
	return kept, nil
}

// rereadReports enters in the ledger the reports whose files are there and that it
// does not know of: it is a restored one, or the daemon was killed between the
// two. From then on they are served, and never drawn again (I11).
func (d *Daemon) rereadReports(ctx context.Context) ([]dialer.StoredReport, error) {
	folders, err := os.ReadDir(filepath.Join(d.config.DataDirectory, "reports"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	known := map[string]bool{}
	reports, failed := d.dialer.Reports()
	if err := errors.Join(err, failed); err != nil {
		return nil, fmt.Errorf("look for reports that were released: %w", err)
	}
	var reread []dialer.StoredReport
	for _, kept := range reports {
		known[kept.Campaign] = true
	}
	for _, folder := range folders {
		kept, whole := d.readReport(folder.Name())
		if !whole || known[kept.Campaign] || kept.Campaign != folder.Name() {
			continue
		}
		if kept, err = d.dialer.StoreReport(context.WithoutCancel(ctx), kept); err != nil {
			return nil, err
		}
		d.log.Warn().Str(dialer.FieldEvent, eventReportReread).Str(dialer.FieldCampaign, kept.Campaign).Send()
		reread = append(reread, kept)
	}
	return reread, nil
}

// readReport reads a report whose files are all there.
func (d *Daemon) readReport(campaign string) (dialer.StoredReport, bool) {
	kept := dialer.StoredReport{Files: map[string][]byte{}}
	for _, format := range reportFormats {
		for _, name := range []string{"report." + format, "report." + format + ".sig"} {
			content, err := os.ReadFile(filepath.Join(d.reportDirectory(campaign), name))
			if err != nil {
				return kept, false
			}
			kept.Files[name] = content
		}
	}
	var said struct {
		Campaign string    `json:"campaign"`
		Party    string    `json:"party"`
		Released time.Time `json:"released_at"`
	}
	err := json.Unmarshal(kept.Files["report.json"], &said)
	if err == nil {
		kept.KeyID, err = report.SignatureKeyID(kept.Files["report.json.sig"])
	}
	kept.Campaign, kept.Party, kept.Released = said.Campaign, said.Party, said.Released
	return kept, err == nil
}

// publish puts a report on the queue, for the broker's own systems, and tells
// whether it is there.
func (d *Daemon) publish(ctx context.Context, kept dialer.StoredReport) bool {
	for _, format := range reportFormats {
		name := "report." + format
		err := d.publisher.PublishReport(ctx, queue.Report{
			Party: kept.Party, Campaign: kept.Campaign, Format: format,
			Data: kept.Files[name], Signature: kept.Files[name+".sig"], KeyID: kept.KeyID,
		})
		if err != nil {
			d.log.Warn().Str(dialer.FieldEvent, eventReportUnpublished).Str(dialer.FieldCampaign, kept.Campaign).Err(err).Send()
			return false
		}
	}
	return true
}

var reportFormats = []string{"json", "csv", "html"}

// draw makes the figures that the party sees, and their renderings.
func (d *Daemon) draw(totals dialer.Totals) (dialer.StoredReport, error) {
	figures, err := report.Draw(rand.Reader, report.Counts{
		Reached: totals.Reached, NotReached: totals.NotReached, NotContacted: totals.NotContacted, Unknown: totals.Unknown,
	})
	if err != nil {
		return dialer.StoredReport{}, err
	}
	ending := report.Ending(totals.Ending)
	if totals.Held {
		ending = report.EndingHeld
	}
	party, _ := d.registry.Party(totals.Party)
	document, err := report.Render(report.Heading{
		Campaign: totals.Campaign, Party: totals.Party, PartyName: party.Name, Round: totals.Round, Election: totals.Election,
		Channel: totals.Channel, Size: totals.Size, StartedAt: totals.Started, ClosedAt: totals.Closed, ReleasedAt: totals.Due,
		Ending: ending, KeyID: d.signing.KeyID(), Sandbox: d.carrier.sandbox,
	}, figures)
	if err != nil {
		return dialer.StoredReport{}, err
	}
	signatures, err := document.Sign(d.signing)
	if err != nil {
		return dialer.StoredReport{}, err
	}
	return dialer.StoredReport{
		Campaign: totals.Campaign, Party: totals.Party, Released: totals.Due, KeyID: d.signing.KeyID(),
		Files: map[string][]byte{
			"report.json": document.JSON, "report.json.sig": signatures.JSON,
			"report.csv": document.CSV, "report.csv.sig": signatures.CSV,
			"report.html": document.HTML, "report.html.sig": signatures.HTML,
		},
	}, nil
}

func (d *Daemon) reportDirectory(campaign string) string {
	return filepath.Join(d.config.DataDirectory, "reports", campaign)
}

// writeReports writes the files of reports that were kept and not written yet:
// the daemon may have been killed between the two.
func (d *Daemon) writeReports() error {
	reports, err := d.dialer.Reports()
	if err != nil {
		return err
	}
	for _, kept := range reports {
		if err := d.writeReport(kept); err != nil {
			return err
		}
	}
	return d.writePublicKey()
}

// writePublicKey lets whoever has a report check its signature.
func (d *Daemon) writePublicKey() error {
	text, err := report.MarshalPublicKey(d.signing.Public())
	if err != nil {
		return fmt.Errorf("write the public key of reports: %w", err)
	}
	directory := filepath.Join(d.config.DataDirectory, "reports")
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return fmt.Errorf("write the public key of reports: %w", err)
	}
	path := filepath.Join(directory, d.signing.KeyID()+".pem")
	if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, text) {
		return nil // on a full disk writing it again would be losing it
	}
	return writeSynced(path, text)
}

// writeReport writes a report's folder, unless it is there: all of its files
// appear at once.
func (d *Daemon) writeReport(kept dialer.StoredReport) error {
	directory := d.reportDirectory(kept.Campaign)
	if _, err := os.Stat(directory); err == nil {
		return nil
	}
	temp := directory + ".tmp"
	err := errors.Join(os.RemoveAll(temp), os.MkdirAll(temp, 0o700))
	for name, content := range kept.Files {
		err = errors.Join(err, writeSynced(filepath.Join(temp, name), content))
	}
	if err == nil {
		err = os.Rename(temp, directory)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(directory))
	}
	if err != nil {
		return fmt.Errorf("write the report of campaign %s: %w", kept.Campaign, err)
	}
	return nil
}

func writeSynced(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close())
}

// syncFolder makes a name in the folder survive a power loss.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func (d *Daemon) listReports(context.Context, queue.Request) (any, error) {
	reports, err := d.dialer.Reports()
	if err != nil {
		return nil, err
	}
	infos := []queue.ReportInfo{}
	for _, kept := range reports {
		info := queue.ReportInfo{Campaign: kept.Campaign, Party: kept.Party, Released: kept.Released, KeyID: kept.KeyID}
		for _, format := range reportFormats {
			info.Files = append(info.Files, filepath.Join(d.reportDirectory(kept.Campaign), "report."+format))
		}
		infos = append(infos, info)
	}
	campaigns, err := d.dialer.List()
	if err != nil {
		return nil, err
	}
	for _, c := range campaigns {
		released := slices.ContainsFunc(infos, func(i queue.ReportInfo) bool { return i.Campaign == c.ID })
		if !released && !c.ReportDue.IsZero() {
			infos = append(infos, queue.ReportInfo{Campaign: c.ID, Party: c.Party, Due: c.ReportDue})
		}
	}
	return infos, nil
}

func (d *Daemon) getReport(_ context.Context, request queue.Request) (any, error) {
	var asked queue.ReportRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	reports, err := d.dialer.Reports()
	if err != nil {
		return nil, err
	}
	for _, kept := range reports {
		if kept.Campaign != asked.Campaign {
			continue
		}
		if content, ok := kept.Files["report."+asked.Format]; ok {
			return content, nil
		}
		return nil, &queue.ControlError{Code: queue.CodeInvalid, Message: fmt.Sprintf("there is no rendering %q", asked.Format), Hint: "json, csv, html, or one of these with .sig"}
	}
	return nil, &queue.ControlError{
		Code: queue.CodeNotFound, Message: fmt.Sprintf("campaign %q has no report yet", asked.Campaign),
		Hint: "a report is drawn a day after the campaign has closed: see dialctl report list",
	}
}
