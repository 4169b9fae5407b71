package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

func (a *app) reservationCommand() *cobra.Command {
	return group("reservation", "segments sold to some parties for a round, and to nobody else",
		a.reservationAddCommand(), a.reservationListCommand(), a.reservationRemoveCommand())
}

// reservationLong is how long an order that goes through the directory may take.
const reservationLong = 2 * time.Minute

func (a *app) reservationAddCommand() *cobra.Command {
	asked := queue.ReservationRequest{}
	var segment []string
	var until, key string
	command := &cobra.Command{
		Use: "add ID", Short: "reserve a segment for one or more parties in one round", Args: wants("ID"),
		Long: `add keeps a segment for its parties. While the reservation lasts, campaigns of
other parties in that round leave its contacts out when they are planned, and
recipients that they had planned before wait. Without --segment everybody is
reserved.

Contacts who are bound to another party already would serve nobody meanwhile:
where there are any, nothing is reserved unless --despite-claims says so. That is
an override, which an officer signs with --key.`,
		Example: `  dialctl reservation add paris-seniors --round FR-PRES-2027-R1 --party party-a
      --segment territory=FR-75 --segment age_band=50-64,65+`,
		RunE: func(command *cobra.Command, args []string) error {
			var err error
			if asked.Segment, err = parseSegment(segment); err != nil {
				return err
			}
			if asked.Until, err = parseInstant("--until", until); err != nil {
				return err
			}
			asked.ID, asked.Operator = args[0], a.operator
			if asked.DespiteClaims {
				override := dialer.NewOrder(dialer.OrderOverride, asked.ID, a.operator, oneLine(asked.Reason))
				if err := signWith(key, &override); err != nil {
					return err
				}
				asked.Override = &override
			}
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				ctx, cancel := context.WithTimeout(ctx, reservationLong)
				defer cancel()
				var entered dialer.Reservation
				if err := client.Call(ctx, queue.VerbReservationAdd, asked, &entered); err != nil {
					return failed("reserve", err)
				}
				return a.result(entered, func(w io.Writer) error { return printReservation(w, entered) })
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&asked.Round, "round", "", "the `round`, as the registry names it")
	flags.StringSliceVar(&asked.Parties, "party", nil, "`id` of a buyer; may be given several times")
	flags.StringArrayVar(&segment, "segment", nil, "`criterion` attribute=value,value; may be repeated")
	flags.StringVar(&until, "until", "", "`instant` of its end (default: that of the round)")
	flags.StringVar(&asked.Reason, "reason", "", "why; it is kept in the records")
	flags.BoolVar(&asked.DespiteClaims, "despite-claims", false, "reserve what others do not hold")
	flags.StringVar(&key, "key", os.Getenv("HUSTINGS_OPERATOR_KEY"), "`file` of your private key, to sign --despite-claims with")
	return command
}

// parseSegment reads criteria of the form attribute=value,value.
func parseSegment(criteria []string) (dialer.Segment, error) {
	segment := dialer.Segment{}
	for _, criterion := range criteria {
		name, values, found := strings.Cut(criterion, "=")
		if !found || name == "" || values == "" {
			return nil, usage("such as --segment age_band=50-64,65+", "--segment %q names no attribute with its values", withoutNumbers(criterion))
		}
		segment[name] = append(segment[name], strings.Split(values, ",")...)
	}
	return segment, nil
}

// parseInstant reads the instant that a flag gives; none is the zero time.
func parseInstant(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, usage("such as 2027-03-09T10:00:00+01:00", "%s is no instant", flag)
	}
	return at, nil
}

func (a *app) reservationListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "all reservations", Args: wants(),
		RunE: func(command *cobra.Command, _ []string) error {
			var all queue.ReservationList
			return a.asked(command, queue.VerbReservationList, nil, &all, "ask for the reservations", func(w io.Writer) error { return printReservations(w, all) })
		},
	}
}

func (a *app) reservationRemoveCommand() *cobra.Command {
	asked := queue.ReservationRequest{}
	command := &cobra.Command{
		Use: "remove ID", Short: "end a reservation: other parties may reach its segment again", Args: wants("ID"),
		RunE: func(command *cobra.Command, args []string) error {
			asked.ID, asked.Operator = args[0], a.operator
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				if err := client.Call(ctx, queue.VerbReservationRemove, asked, nil); err != nil {
					return failed("remove the reservation", err)
				}
				a.say("reservation %s is removed; recipients that waited for it are asked about again within the hour", asked.ID)
				return nil
			})
		},
	}
	command.Flags().StringVar(&asked.Reason, "reason", "", "why; it is kept in the records")
	return command
}

func printReservation(w io.Writer, r dialer.Reservation) error {
	return table(w,
		cell("reservation", r.ID), cell("round", r.Round), cell("parties", strings.Join(r.Parties, ", ")),
		cell("segment", segmentText(r.Segment)), cell("until", instant(r.Until)),
		cell("contacts", grouped(r.Contacts)), cell("bound to others", grouped(r.Claimed)))
}

func printReservations(w io.Writer, all queue.ReservationList) error {
	if len(all.Reservations) == 0 {
		_, err := fmt.Fprintln(w, "no reservations")
		return err
	}
	rows := []string{cell("RESERVATION", "ROUND", "PARTIES", "UNTIL", "CONTACTS", "SEGMENT")}
	for _, r := range all.Reservations {
		until := instant(r.Until)
		if !r.Until.After(all.Now) {
			until = "over"
		}
		rows = append(rows, cell(r.ID, r.Round, strings.Join(r.Parties, ", "), until, grouped(r.Contacts), segmentText(r.Segment)))
	}
	return table(w, rows...)
}

// segmentText writes a segment on one line.
func segmentText(segment dialer.Segment) string {
	if len(segment) == 0 {
		return "everybody"
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(segment)) {
		parts = append(parts, name+" "+strings.Join(segment[name], "/"))
	}
	return strings.Join(parts, "; ")
}
