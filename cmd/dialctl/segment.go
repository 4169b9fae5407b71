package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

func (a *app) segmentCommand() *cobra.Command {
	return group("segment", "how many contacts a segment has", a.segmentCountCommand())
}

// countLong is how long the first count for a party may take: it goes through all
// grants, objections and claims.
const countLong = 2 * time.Minute

func (a *app) segmentCountCommand() *cobra.Command {
	var question dialer.SegmentQuestion
	var segment []string
	var channel string
	command := &cobra.Command{
		Use: "count [FILE]", Short: "count a segment while you think about it", Args: cobra.MaximumNArgs(1),
		Long: `count tells at once how many contacts are in a segment, and how many of them a
party may hope to reach: those whose line the channel reaches, who have a grant
for the party and the channel, have not objected since and are not bound to
another party in the round. That is an upper estimate. The other rules, caps,
outside lists and reservations exclude more: dialctl campaign submit --dry-run
asks them all, and tells the reasons.

Segment, party, channel and round come from a campaign's file, or from flags.
The first count for a party takes some seconds in a large directory.`,
		Example: `  dialctl segment count configs/campaigns/party-a-seniors.yaml
  dialctl segment count --segment territory=FR-75 --segment age_band=50-64,65+
  dialctl segment count --segment age_band=65+ --party party-a --channel sms --round FR-PRES-2027-R1`,
		RunE: func(command *cobra.Command, args []string) error {
			if err := a.readQuestion(&question, args, segment, channel); err != nil {
				return err
			}
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				return a.countSegment(ctx, client, question)
			})
		},
	}
	questionFlags(command, &question, &segment, &channel)
	return command
}

// questionFlags are the flags by which a segment is asked about.
func questionFlags(command *cobra.Command, question *dialer.SegmentQuestion, segment *[]string, channel *string) {
	flags := command.Flags()
	flags.StringArrayVar(segment, "segment", nil, "`criterion` attribute=value,value; may be repeated")
	flags.StringVar(&question.Party, "party", "", "`id` of who would reach them")
	flags.StringVar(channel, "channel", "", "the `channel`, such as sms")
	flags.StringVar(&question.Round, "round", "", "the `round`, as the registry names it")
}

// readQuestion takes what is asked from a campaign's file or from the flags.
func (a *app) readQuestion(q *dialer.SegmentQuestion, files, segment []string, channel string) error {
	flags := len(segment) > 0 || q.Party != "" || channel != "" || q.Round != ""
	if len(files) > 0 {
		if flags {
			return usage("a campaign's file says all of it", "a file and flags exclude each other")
		}
		job, err := a.readCampaign(files[0])
		if err != nil {
			return err
		}
		*q = dialer.SegmentQuestion{Segment: job.Segment, Party: job.Party, Channel: job.Channel, Round: job.Round}
		return nil
	}
	var err error
	if q.Segment, err = parseSegment(segment); err != nil {
		return err
	}
	if q.Party == "" {
		if channel != "" || q.Round != "" {
			return usage("name whose grants count with --party", "--channel and --round say nothing without --party")
		}
		return nil
	}
	if err := q.Channel.UnmarshalText([]byte(channel)); err != nil {
		return usage("such as --channel sms", "--channel %q is none", withoutNumbers(channel))
	}
	return nil
}

func (a *app) countSegment(ctx context.Context, client *queue.Client, question dialer.SegmentQuestion) error {
	ctx, cancel := context.WithTimeout(ctx, countLong)
	defer cancel()
	var count dialer.SegmentCount
	if err := client.Call(ctx, queue.VerbSegmentCount, question, &count); err != nil {
		return failed("count the segment", err)
	}
	return a.result(count, func(w io.Writer) error { return printCount(w, question, count) })
}

func printCount(w io.Writer, q dialer.SegmentQuestion, count dialer.SegmentCount) error {
	rows := []string{
		cell("segment", segmentText(q.Segment)),
		cell("contacts", fmt.Sprintf("%s of %s", grouped(count.Matching), grouped(count.Contacts))),
	}
	if count.Reachable != nil {
		rows = append(rows, cell("reachable", fmt.Sprintf("at most %s, by %s for %s in %s, as of %s", grouped(*count.Reachable),
			q.Channel, q.Party, q.Round, instant(count.AsOf))),
			cell("", "an estimate from above: line, grant, objection and claim; a dry run asks all rules"))
	}
	return table(w, rows...)
}
