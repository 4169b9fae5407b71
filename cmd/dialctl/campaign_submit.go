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

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

func (a *app) campaignSubmitCommand() *cobra.Command {
	var dryRun, watch bool
	command := &cobra.Command{
		Use: "submit FILE", Short: "put a campaign into the queue and wait for the answer", Args: wants("FILE"),
		Long: `submit reads a campaign file (YAML or JSON, see dialctl schema campaign), puts it
into the queue and waits until the daemon has accepted or rejected it. First
come, first served: the order of acceptance decides who gets a contact.
Submitting the same file again changes nothing.`,
		RunE: func(command *cobra.Command, args []string) error {
			if dryRun && watch {
				return usage("a dry run starts nothing that could be watched", "--dry-run and --watch exclude each other")
			}
			job, err := a.readCampaign(args[0])
			if err != nil {
				return err
			}
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				if dryRun {
					return a.estimate(ctx, client, args[0], job)
				}
				return a.submit(ctx, client, args[0], job, watch)
			})
		},
	}
	command.Flags().BoolVar(&dryRun, "dry-run", false, "only tell what would happen: audience, price, duration")
	command.Flags().BoolVar(&watch, "watch", false, "watch the campaign until it is closed")
	return command
}

func (a *app) readCampaign(path string) (*dialer.Job, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, failed("read the campaign", err)
	}
	job, err := configs.ReadCampaign(path)
	if err != nil {
		return nil, campaignFaults(path, err)
	}
	if a.operator != "" {
		job.Operator = a.operator
	}
	return job, nil
}

// campaignFaults puts the count of a file's faults before them.
func campaignFaults(path string, err error) error {
	var faults configs.Faults
	if !errors.As(err, &faults) {
		return failed("read the campaign "+path, err)
	}
	return fmt.Errorf("%s has %s: %w", path, plural(len(faults), "fault", "faults"), faults)
}

func (a *app) submit(ctx context.Context, client *queue.Client, path string, job *dialer.Job, watch bool) error {
	for _, warning := range job.TextWarnings() {
		a.say("warning: %s", warning)
	}
	result, err := client.Submit(ctx, job)
	if err != nil {
		return rejected(path, failed("submit campaign "+job.ID, err), err)
	}
	if result.Rejection != nil {
		if a.asJSON {
			if err := a.printJSON(result.Rejection); err != nil {
				return err
			}
		}
		return fmt.Errorf("campaign %s was rejected (submission %s): %w", job.ID, result.Submission,
			configs.PlaceFaults(path, result.Rejection.Faults))
	}
	if !watch {
		return a.result(result.Campaign, func(w io.Writer) error { return printAccepted(w, result.Campaign) })
	}
	a.say("campaign %s accepted, place %d in the order of acceptance", job.ID, result.Campaign.Order)
	return a.watch(ctx, client, watchOptions{campaigns: []string{job.ID}, until: stateClosed})
}

// rejected shows the faults that came with an error where they stand in the
// file.
func rejected(path string, err, cause error) error {
	var control *queue.ControlError
	if !errors.As(cause, &control) || len(control.Faults) == 0 {
		return err
	}
	return fmt.Errorf("%s: %w", control.Message, configs.PlaceFaults(path, control.Faults))
}

func printAccepted(w io.Writer, v *dialer.CampaignView) error {
	_, err := fmt.Fprintf(w, "campaign %s accepted, place %d in the order of acceptance; it is %s\n", v.ID, v.Order, stateText(v))
	return err
}

func (a *app) estimate(ctx context.Context, client *queue.Client, path string, job *dialer.Job) error {
	var e dialer.Estimate
	if err := client.Call(ctx, queue.VerbCampaignEstimate, job, &e); err != nil {
		return rejected(path, failed("estimate campaign "+job.ID, err), err)
	}
	if len(e.Faults) > 0 {
		if a.asJSON {
			if err := a.printJSON(e); err != nil {
				return err
			}
		}
		return fmt.Errorf("campaign %s would be rejected: %w", job.ID, configs.PlaceFaults(path, e.Faults))
	}
	return a.result(e, func(w io.Writer) error { return printEstimate(w, job, &e) })
}

func printEstimate(w io.Writer, job *dialer.Job, e *dialer.Estimate) error {
	rows := []string{
		cell("campaign", e.Campaign+" (dry run: nothing was started)"),
		cell("considered", grouped(e.Considered)),
		cell("excluded", excludedText(e.ExcludedAtPlanning)),
		cell("not drawn", grouped(e.NotDrawn)),
		cell("audience", fmt.Sprintf("%s of %s ordered", grouped(e.Audience), grouped(job.Size))),
		cell("text", textText(job, e)),
		cell("price at most", fmt.Sprintf("%v of a budget of %v", e.Price, job.Budget)),
		cell("sending takes", span(time.Duration(e.Duration))+" of open window"),
		cell("all tried", forecastText(&dialer.CampaignView{Forecast: e.Forecast})),
		cell("first at", instant(e.FirstAt)),
	}
	for _, warning := range e.Warnings {
		rows = append(rows, cell("warning", warning))
	}
	return table(w, rows...)
}

func textText(job *dialer.Job, e *dialer.Estimate) string {
	if e.MinutesEach > 0 {
		return fmt.Sprintf("calls of at most %s each, at a machine: %s", plural(e.MinutesEach, "minute", "minutes"), cmp.Or(job.Call.Machine, dialer.MachineHangUp))
	}
	each := fmt.Sprintf("%s each, %s", plural(e.SegmentsEach, "segment", "segments"), e.Encoding)
	if n := len(job.Message.Variants); n > 0 {
		return fmt.Sprintf("%d variants, at most %s", n, each)
	}
	return each
}

func excludedText(reasons map[string]uint64) string {
	if len(reasons) == 0 {
		return "0"
	}
	return grouped(sum(reasons)) + ": " + inline(reasons)
}
