package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/report"
	"github.com/hustings/hustings/queue"
)

func (a *app) reportCommand() *cobra.Command {
	return group("report", "what parties see of their campaigns",
		a.reportListCommand(), a.reportShowCommand(), a.reportPreviewCommand(), a.reportVerifyCommand(), a.reportResendCommand())
}

func (a *app) reportListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "reports that are released, and when the others are", Args: wants(),
		RunE: func(command *cobra.Command, _ []string) error {
			var reports []queue.ReportInfo
			return a.asked(command, queue.VerbReportList, nil, &reports, "list the reports", func(w io.Writer) error { return printReports(w, reports) })
		},
	}
}

func printReports(w io.Writer, reports []queue.ReportInfo) error {
	if len(reports) == 0 {
		_, err := fmt.Fprintln(w, "no campaign is closed yet, so no report is due")
		return err
	}
	rows := []string{cell("CAMPAIGN", "PARTY", "RELEASED", "DUE", "KEY", "PUSHED")}
	for _, r := range reports {
		rows = append(rows, cell(r.Campaign, r.Party, instant(r.Released), instant(r.Due), r.KeyID, deliveryText(r.Delivery)))
	}
	return table(w, rows...)
}

// deliveryText says how far the push of a report is.
func deliveryText(d *dialer.Delivery) string {
	switch {
	case d == nil:
		return "-"
	case !d.Delivered.IsZero():
		return instant(d.Delivered)
	case !d.GivenUp.IsZero():
		return "given up: " + d.Error
	default:
		return fmt.Sprintf("waits until %s: %s", instant(d.Next), cmp.Or(d.Error, "not tried yet"))
	}
}

func (a *app) reportResendCommand() *cobra.Command {
	var reason string
	command := &cobra.Command{
		Use: "resend CAMPAIGN", Short: "push a report to its party's own server again", Args: wants("CAMPAIGN"),
		Long: `resend has a released report pushed again to the server that the registry names for its
party (report_push), whatever came of it before. "dialctl report list" tells how far
it is. The bytes are the same, and so is the delivery's id.`,
		ValidArgsFunction: a.completeCampaigns,
		RunE: func(command *cobra.Command, args []string) error {
			delivery := new(dialer.Delivery)
			request := queue.CampaignRequest{Campaign: args[0], Operator: a.operator, Reason: reason}
			return a.asked(command, queue.VerbReportResend, request, delivery, "push the report again", func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "the report of %s is pushed again, as delivery %s\n", delivery.Campaign, delivery.ID)
				return err
			})
		},
	}
	command.Flags().StringVar(&reason, "reason", "", "why, for the records")
	return command
}

func (a *app) reportShowCommand() *cobra.Command {
	var format, output string
	var waits bool
	command := &cobra.Command{
		Use: "show CAMPAIGN", Short: "a released report, as the bytes that were signed",
		Args: wants("CAMPAIGN"), ValidArgsFunction: a.completeCampaigns,
		Long: `show prints a report as it was released: the same bytes for ever. With --output
the bytes go into a file, and their signature beside it (FILE.sig), which is what
dialctl report verify wants. With --wait it waits for a report that is not drawn yet.`,
		RunE: func(command *cobra.Command, args []string) error {
			if a.asJSON && !command.Flags().Changed("format") {
				format = "json"
			}
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				if waits {
					if err := awaitReport(ctx, client, args[0]); err != nil {
						return err
					}
				}
				return a.showReport(ctx, client, args[0], format, output)
			})
		},
	}
	command.Flags().StringVar(&format, "format", "csv", "`rendering`: json, csv or html")
	command.Flags().StringVar(&output, "output", "", "write into this `file`, and the signature into FILE.sig")
	command.Flags().BoolVar(&waits, "wait", false, "wait until it is drawn, a day after its campaign has closed")
	_ = command.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"json", "csv", "html"}, cobra.ShellCompDirectiveNoFileComp))
	return command
}

// reportPoll is how often somebody who waits for a report asks for it.
const reportPoll = 500 * time.Millisecond

// awaitReport returns once the report of a campaign is there, or cannot be awaited.
func awaitReport(ctx context.Context, client *queue.Client, campaign string) error {
	if err := client.Call(ctx, queue.VerbCampaignShow, queue.CampaignRequest{Campaign: campaign}, nil); err != nil {
		return failed("wait for the report of "+campaign, err)
	}
	for {
		var signature []byte
		err := client.Call(ctx, queue.VerbReportGet, queue.ReportRequest{Campaign: campaign, Format: "json.sig"}, &signature)
		if queue.CodeOf(err) != queue.CodeNotFound || !wait(ctx, reportPoll) {
			return failed("wait for the report of "+campaign, err)
		}
	}
}

func (a *app) showReport(ctx context.Context, client *queue.Client, campaign, format, output string) error {
	var document, signature []byte
	if err := client.Call(ctx, queue.VerbReportGet, queue.ReportRequest{Campaign: campaign, Format: format}, &document); err != nil {
		return failed("show the report of "+campaign, err)
	}
	if output == "" {
		_, err := a.out.Write(document)
		return failed("print the report", err)
	}
	if err := client.Call(ctx, queue.VerbReportGet, queue.ReportRequest{Campaign: campaign, Format: format + ".sig"}, &signature); err != nil {
		return failed("get the signature of "+campaign, err)
	}
	if err := errors.Join(os.WriteFile(output, document, 0o600), os.WriteFile(output+".sig", signature, 0o600)); err != nil {
		return failed("write the report", err)
	}
	a.say("%s and %s.sig written", output, output)
	return nil
}

func (a *app) reportVerifyCommand() *cobra.Command {
	var key, signature string
	command := &cobra.Command{
		Use: "verify FILE", Short: "check that a report is the one that the broker signed; needs no daemon", Args: wants("FILE"),
		Long: `verify checks a report against its signature (FILE.sig) and the broker's public
key, which parties have from their contract and never from beside a report.`,
		RunE: func(_ *cobra.Command, args []string) error {
			if key == "" {
				return usage("the broker's public key, which came with the contract; the daemon keeps it as reports/KEY-ID.pem", "--key is missing")
			}
			if signature == "" {
				signature = args[0] + ".sig"
			}
			return a.verifyReport(args[0], signature, key)
		},
	}
	command.Flags().StringVar(&key, "key", "", "the public key's `file` (PEM)")
	command.Flags().StringVar(&signature, "signature", "", "the signature's `file` (default FILE.sig)")
	return command
}

func (a *app) verifyReport(path, signaturePath, keyPath string) error {
	document, err := os.ReadFile(path)
	if err != nil {
		return failed("read the report", err)
	}
	signature, err := os.ReadFile(signaturePath)
	if err != nil {
		return withHint(failed("read the signature", err), "every report has one beside it, named as the report with .sig at its end")
	}
	text, err := os.ReadFile(keyPath)
	if err != nil {
		return failed("read the public key", err)
	}
	public, err := report.ParsePublicKey(text)
	if err != nil {
		return failed("read the public key "+keyPath, err)
	}
	if err := report.Verify(public, document, signature); err != nil {
		return withHint(failed("verify "+path, err), verifyHint(err, document, signature))
	}
	result := struct {
		File  string `json:"file"`
		Valid bool   `json:"valid"`
		Key   string `json:"key_id"`
	}{path, true, report.KeyID(public)}
	return a.result(result, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s is as it was signed by the key %s\n", path, result.Key)
		return err
	})
}

// verifyHint says what to do about a report that is refused, and where it was
// changed, if that can be found.
func verifyHint(err error, document, signature []byte) string {
	if errors.Is(err, report.ErrOtherKey) {
		return "the broker may have more than one key: the one that is meant comes with the contract, never beside a report"
	}
	const advice = "do not trust this file; ask the broker for the report again"
	if place, found := report.Changed(document, signature); found {
		return place.String() + "; " + advice
	}
	return advice
}
