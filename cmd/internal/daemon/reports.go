package daemon

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/report"
	"github.com/hustings/hustings/queue"
)

// releaseReports draws the reports whose day has come, keeps their files and
// publishes them. What could not be published is tried again.
func (d *Daemon) releaseReports(ctx context.Context) error {
	unpublished, err := d.resumeReports(ctx)
	if err != nil {
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
			switch {
			case errors.Is(err, errReportDamaged):
				d.tellDamaged(totals.Campaign, err)
			case err != nil:
				return err
			default:
				unpublished = append(unpublished, kept)
			}
		}
		unpublished = slices.DeleteFunc(unpublished, func(kept dialer.StoredReport) bool { return d.publish(ctx, kept) })
		return nil
	})
}

// publishedSurely is how long after its release, in the campaigns' time, a report may
// not have been published whole: a daemon that was killed in the middle comes back
// within that time. Later ones are compared with what NATS has (mend.go).
const publishedSurely = 48 * time.Hour

// resumeReports brings what a former life has drawn to its end: ledger and files
// know of each other then. It returns what may not have been published; who has it
// already sees the same bytes once more.
func (d *Daemon) resumeReports(ctx context.Context) (unpublished []dialer.StoredReport, err error) {
	reread, err := d.rereadReports(ctx)
	if err != nil {
		return nil, err
	}
	reports, err := d.dialer.Reports()
	if err != nil {
		return nil, err
	}
	since := d.clock.Now().Add(-publishedSurely)
	for _, kept := range reports {
		wrote, err := d.writeReport(kept)
		if err != nil {
			return nil, err
		}
		if wrote || reread[kept.Campaign] || kept.Released.After(since) {
			unpublished = append(unpublished, kept)
		}
	}
	return unpublished, d.writePublicKey()
}

// release draws one report, once. It is entered in the ledger with all its
// renderings before a byte of it is anywhere else: a daemon that is killed before
// has drawn nothing, and one that is killed after finds it there. Its files come
// next, and nobody is served before they are there: they are what outlives a
// ledger that is put back (I11). Where they are there already, since such a ledger
// has forgotten them, they are the report.
func (d *Daemon) release(ctx context.Context, totals dialer.Totals) (dialer.StoredReport, error) {
	kept, released, err := d.readReport(totals.Campaign)
	if err == nil && !released {
		kept, err = d.draw(totals)
	}
	if err != nil {
		return kept, fmt.Errorf("draw the report of campaign %s: %w", totals.Campaign, err)
	}
	d.seams.release("drawn")
	// What was drawn is kept, even while the daemon is stopping.
	if kept, err = d.dialer.StoreReport(context.WithoutCancel(ctx), kept); err != nil {
		return kept, err
	}
	d.seams.release("stored")
	if _, err := d.writeReport(kept); err != nil {
		return kept, err
	}
	d.checkpoints.hasten()
	d.log.Info().Str(dialer.FieldEvent, eventReport).Str(dialer.FieldCampaign, kept.Campaign).Str(dialer.FieldParty, kept.Party).Send()
	return kept, nil
}

// errReportDamaged is wrapped where files of a report are there that cannot be the
// ones that were released.
var errReportDamaged = errors.New("its files are there, and are not as they were signed")

// tellDamaged says so, once: whoever has a copy of the files must put it back, and
// until then the report is not drawn again.
func (d *Daemon) tellDamaged(campaign string, err error) {
	if _, told := d.damaged.LoadOrStore(campaign, true); !told {
		d.log.Error().Str(dialer.FieldEvent, eventReportDamaged).Str(dialer.FieldCampaign, campaign).Err(err).Send()
	}
}

// rereadReports enters in the ledger the reports whose files are there and that it
// does not know of: it is a restored one, or the daemon was killed between the
// two. From then on they are served, and never drawn again (I11).
func (d *Daemon) rereadReports(ctx context.Context) (reread map[string]bool, err error) {
	folders, err := os.ReadDir(filepath.Join(d.config.DataDirectory, "reports"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	known := map[string]bool{}
	reports, failed := d.dialer.Reports()
	if err := errors.Join(err, failed); err != nil {
		return nil, fmt.Errorf("look for reports that were released: %w", err)
	}
	reread = map[string]bool{}
	for _, kept := range reports {
		known[kept.Campaign] = true
	}
	for _, folder := range folders {
		if !folder.IsDir() || known[folder.Name()] || strings.HasSuffix(folder.Name(), unfinished) {
			continue
		}
		kept, _, err := d.readReport(folder.Name())
		if err != nil {
			d.tellDamaged(folder.Name(), err)
			continue
		}
		if kept, err = d.dialer.StoreReport(context.WithoutCancel(ctx), kept); err != nil {
			return nil, err
		}
		d.log.Warn().Str(dialer.FieldEvent, eventReportReread).Str(dialer.FieldCampaign, kept.Campaign).Send()
		reread[kept.Campaign] = true
	}
	return reread, nil
}

// readReport reads a report from its files. There is none, false, where there is no
// folder. Files that are not all there, or that are not as they were signed, are an
// error that wraps errReportDamaged: another draw in their place would be a second
// one.
func (d *Daemon) readReport(campaign string) (kept dialer.StoredReport, released bool, err error) {
	directory := d.reportDirectory(campaign)
	if _, err := os.Stat(directory); errors.Is(err, os.ErrNotExist) {
		return kept, false, nil
	}
	damaged := func(err error) (dialer.StoredReport, bool, error) {
		return dialer.StoredReport{}, false, fmt.Errorf("read the report of campaign %s: %w: %w", campaign, errReportDamaged, err)
	}
	kept.Files = map[string][]byte{}
	for _, format := range reportFormats {
		for _, name := range []string{"report." + format, "report." + format + ".sig"} {
			if kept.Files[name], err = os.ReadFile(filepath.Join(directory, name)); err != nil {
				return damaged(err)
			}
		}
		document, signature := kept.Files["report."+format], kept.Files["report."+format+".sig"]
		if kept.KeyID, err = report.SignatureKeyID(signature); err != nil {
			return damaged(err)
		}
		public, err := d.publicKey(kept.KeyID)
		if err == nil {
			err = report.Verify(public, document, signature)
		}
		if err != nil {
			return damaged(fmt.Errorf("report.%s: %w", format, err))
		}
	}
	var said struct {
		Campaign string    `json:"campaign"`
		Party    string    `json:"party"`
		Released time.Time `json:"released_at"`
	}
	if err := json.Unmarshal(kept.Files["report.json"], &said); err != nil {
		return damaged(err)
	}
	if said.Campaign != campaign {
		return damaged(fmt.Errorf("they are those of campaign %q", said.Campaign))
	}
	kept.Campaign, kept.Party, kept.Released = said.Campaign, said.Party, said.Released
	return kept, true, nil
}

// publicKey returns the key by which a report was signed: ours, or a former one,
// which lies beside the reports.
func (d *Daemon) publicKey(id string) (ed25519.PublicKey, error) {
	if id == d.signing.KeyID() {
		return d.signing.Public(), nil
	}
	text, err := os.ReadFile(filepath.Join(d.reportDirectory(""), id+".pem"))
	if err != nil {
		return nil, fmt.Errorf("read the key of a report: %w", err)
	}
	return report.ParsePublicKey(text)
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
		d.seams.release("published " + format)
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

// unfinished ends the name of a folder whose report is being written.
const unfinished = ".tmp"

// writeReport writes a report's folder, and tells whether it did: all of its files
// appear at once. A folder that is there is left alone, but for files that are
// missing.
func (d *Daemon) writeReport(kept dialer.StoredReport) (wrote bool, err error) {
	directory := d.reportDirectory(kept.Campaign)
	if _, err := os.Stat(directory); err == nil {
		return false, d.mendReport(kept)
	}
	temp := directory + unfinished
	err = errors.Join(os.RemoveAll(temp), os.MkdirAll(temp, 0o700))
	for _, name := range slices.Sorted(maps.Keys(kept.Files)) {
		err = errors.Join(err, writeSynced(filepath.Join(temp, name), kept.Files[name]))
		d.seams.release("file " + name)
	}
	if err == nil {
		err = syncFolder(temp)
	}
	d.seams.release("whole")
	if err == nil {
		err = os.Rename(temp, directory)
	}
	d.seams.release("renamed")
	if err == nil {
		err = syncFolder(filepath.Dir(directory))
	}
	if err != nil {
		return false, fmt.Errorf("write the report of campaign %s: %w", kept.Campaign, err)
	}
	d.seams.release("written")
	return true, nil
}

// mendReport writes the files that are missing in a report's folder.
func (d *Daemon) mendReport(kept dialer.StoredReport) error {
	for _, name := range slices.Sorted(maps.Keys(kept.Files)) {
		path := filepath.Join(d.reportDirectory(kept.Campaign), name)
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			continue
		}
		temp := path + unfinished // half a file would look like another report
		err := writeSynced(temp, kept.Files[name])
		if err == nil {
			err = errors.Join(os.Rename(temp, path), syncFolder(filepath.Dir(path)))
		}
		if err != nil {
			return fmt.Errorf("write the report of campaign %s again: %w", kept.Campaign, err)
		}
	}
	return nil
}

// writeSynced writes a file anew, and appendSynced at its end; either returns once
// that is on disk.
func writeSynced(path string, content []byte) error { return putSynced(path, os.O_TRUNC, content) }

func appendSynced(path string, content []byte) error { return putSynced(path, os.O_APPEND, content) }

func putSynced(path string, how int, content []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|how, 0o600)
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

// isOut tells whether a report that was drawn may be seen: its files are there.
func (d *Daemon) isOut(campaign string) bool {
	_, err := os.Stat(d.reportDirectory(campaign))
	return err == nil
}

// releasedNames returns the campaigns whose reports may be seen.
func (d *Daemon) releasedNames() ([]string, error) {
	names, err := d.dialer.ReportNames()
	return slices.DeleteFunc(names, func(name string) bool { return !d.isOut(name) }), err
}

// releasedReport returns the report of one campaign, and false where there is none
// that may be seen.
func (d *Daemon) releasedReport(campaign string) (dialer.StoredReport, bool, error) {
	kept, found, err := d.dialer.Report(campaign)
	return kept, found && d.isOut(campaign), err
}

// released returns all reports that may be seen.
func (d *Daemon) released() ([]dialer.StoredReport, error) {
	reports, err := d.dialer.Reports()
	return slices.DeleteFunc(reports, func(kept dialer.StoredReport) bool { return !d.isOut(kept.Campaign) }), err
}

func (d *Daemon) listReports(context.Context, queue.Request) (any, error) {
	reports, err := d.released()
	if err != nil {
		return nil, err
	}
	deliveries, err := d.dialer.Deliveries()
	if err != nil {
		return nil, err
	}
	infos := []queue.ReportInfo{}
	for _, kept := range reports {
		info := queue.ReportInfo{Campaign: kept.Campaign, Party: kept.Party, Released: kept.Released, KeyID: kept.KeyID}
		if delivery, pushed := deliveries[kept.Campaign]; pushed {
			info.Delivery = &delivery
		}
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
	kept, found, err := d.releasedReport(asked.Campaign)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, &queue.ControlError{
			Code: queue.CodeNotFound, Message: fmt.Sprintf("campaign %q has no report yet", asked.Campaign),
			Hint: "a report is drawn a day after the campaign has closed: see dialctl report list",
		}
	}
	if content, ok := kept.Files["report."+asked.Format]; ok {
		return content, nil
	}
	return nil, &queue.ControlError{Code: queue.CodeInvalid, Message: fmt.Sprintf("there is no rendering %q", asked.Format), Hint: "json, csv, html, or one of these with .sig"}
}
