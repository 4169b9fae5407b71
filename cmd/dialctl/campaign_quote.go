package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/report"
	"github.com/hustings/hustings/queue"
)

func (a *app) campaignQuoteCommand() *cobra.Command {
	var question dialer.SegmentQuestion
	var segment []string
	var channel string
	command := &cobra.Command{
		Use: "quote [FILE]", Short: "how many contacts a party could reach, in a figure that it may be told", Args: cobra.MaximumNArgs(1),
		Long: `quote answers a party that asks how many contacts it could reach in a segment. What
dialctl segment count says is exact, and for operators only; a quote is noised and
rounded, so that nobody can be singled out by it, and withheld where it is fewer
than the smallest order. It is an estimate from above: the other rules exclude more.
Contacts who are bound to other parties in the round do not count.

A quote is drawn once for a segment and a day (UTC), and kept: asking again gives
the same answer, and so does the same segment in other words. A party is quoted 20
different segments a day.

Segment, party, channel and round come from a campaign's file, or from flags.`,
		Example: `  dialctl campaign quote configs/campaigns/party-a-seniors.yaml
  dialctl campaign quote --segment age_band=65+ --party party-a --channel sms --round FR-PRES-2027-R1`,
		RunE: func(command *cobra.Command, args []string) error {
			if err := a.readQuestion(&question, args, segment, channel); err != nil {
				return err
			}
			if question.Party == "" {
				return usage("name who asks with --party, --channel and --round, or give a campaign's file", "a quote is for a party")
			}
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				return a.quote(ctx, client, question)
			})
		},
	}
	questionFlags(command, &question, &segment, &channel)
	return command
}

func (a *app) quote(ctx context.Context, client *queue.Client, question dialer.SegmentQuestion) error {
	ctx, cancel := context.WithTimeout(ctx, countLong)
	defer cancel()
	var quoted dialer.Quote
	if err := client.Call(ctx, queue.VerbCampaignQuote, question, &quoted); err != nil {
		return failed("quote the segment", err)
	}
	var answer report.Quote
	if err := json.Unmarshal(quoted.Answer, &answer); err != nil {
		return failed("read the quote", err)
	}
	return a.result(quoted, func(w io.Writer) error { return printQuote(w, quoted, answer) })
}

func printQuote(w io.Writer, quoted dialer.Quote, answer report.Quote) error {
	contacts := fmt.Sprintf("fewer than %d, the smallest order: withheld", report.MinimumSize)
	if count, shown := answer.Contacts.Contacts(); shown {
		contacts = fmt.Sprintf("about %s, within %d with a confidence of %s", grouped(count), answer.Margin.PlusMinus, answer.Margin.Confidence)
	}
	if err := table(w,
		cell("segment", segmentText(quoted.Segment)),
		cell("for", fmt.Sprintf("%s, %s in %s", quoted.Party, quoted.Channel, quoted.Round)),
		cell("contacts", contacts),
		cell("day", quoted.Day),
	); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "\ndrawn once for this segment and day; the party may be told")
	return err
}
