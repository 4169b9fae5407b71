package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

func (a *app) invoiceCommand() *cobra.Command {
	var month string
	command := &cobra.Command{
		Use: "invoice PARTY", Short: "what a party owes: flat for each ordered contact", Args: wants("PARTY"),
		Long: `invoice lists the campaigns of a party whose reports are due in a month, and what it
owes for them, without taxes: the price for an ordered contact, as it was when the
order was accepted, times the contacts that were ordered. It depends on nothing that
became of anybody, so that it may be handed to the party. A campaign that was
cancelled before anybody was dialled for it costs nothing.`,
		Example: `  dialctl invoice party-a --month 2027-03
  dialctl invoice party-a --json`,
		RunE: func(command *cobra.Command, args []string) error {
			asked := queue.InvoiceRequest{Party: args[0]}
			if month != "" {
				from, err := time.Parse("2006-01", month)
				if err != nil {
					return usage("such as 2027-03", "--month is no month")
				}
				asked.From, asked.To = from, from.AddDate(0, 1, 0)
			}
			var invoice dialer.Invoice
			return a.asked(command, queue.VerbInvoice, asked, &invoice, "work out the invoice", func(w io.Writer) error { return printInvoice(w, &invoice) })
		},
	}
	command.Flags().StringVar(&month, "month", "", "the `month`, in UTC (default: the one that it is)")
	return command
}

func printInvoice(w io.Writer, invoice *dialer.Invoice) error {
	// The span's end is not part of it.
	last := invoice.To.AddDate(0, 0, -1)
	if _, err := fmt.Fprintf(w, "%s (%s), %s to %s\n\n", invoice.Name, invoice.Party,
		invoice.From.Format(time.DateOnly), last.Format(time.DateOnly)); err != nil {
		return err
	}
	rows := []string{cell("CAMPAIGN", "ROUND", "CHANNEL", "REPORT DUE", "ORDERED", "EACH", "AMOUNT")}
	for _, line := range invoice.Lines {
		rows = append(rows, cell(line.Campaign, line.Round, line.Channel, line.Due.Format(time.DateOnly), grouped(line.Ordered),
			line.Price.String(), line.Amount.String()))
	}
	rows = append(rows, cell("total, without taxes", "", "", "", "", invoice.Currency, invoice.Total.String()))
	return table(w, rows...)
}
