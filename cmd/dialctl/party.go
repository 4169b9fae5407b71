package main

import (
	"cmp"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

func (a *app) partyCommand() *cobra.Command {
	return group("party", "parties, and the tokens by which they fetch their reports",
		a.partyListCommand(),
		group("token", "what a party shows to fetch its reports", a.tokenCreateCommand(), a.tokenListCommand(), a.tokenRevokeCommand()))
}

func (a *app) partyListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "the parties of the registry", Args: wants(),
		RunE: func(command *cobra.Command, _ []string) error {
			var parties []queue.PartyInfo
			return a.asked(command, queue.VerbPartyList, nil, &parties, "list the parties", func(w io.Writer) error {
				rows := []string{cell("PARTY", "NAME", "SPONSOR", "TOKENS")}
				for _, party := range parties {
					rows = append(rows, cell(party.ID, party.Name, cmp.Or(party.Sponsor, "-"), fmt.Sprint(party.Tokens)))
				}
				return table(w, rows...)
			})
		},
	}
}

func (a *app) tokenCreateCommand() *cobra.Command {
	var label string
	command := &cobra.Command{
		Use: "create PARTY", Short: "make a token, and show its secret once", Args: wants("PARTY"),
		Long: `create makes a token with which a party fetches its own reports, and nothing else, at
http.reports.listen. Its secret is shown now and never again: the daemon keeps a hash.`,
		Example: `  dialctl party token create party-a --label "campaign office"
  curl -H "Authorization: Bearer SECRET" https://reports.example.org/v1/campaigns`,
		RunE: func(command *cobra.Command, args []string) error {
			made := new(queue.TokenMade)
			request := queue.TokenRequest{Party: args[0], Label: label, Operator: a.operator}
			return a.asked(command, queue.VerbTokenCreate, request, made, "make a token", func(w io.Writer) error {
				return table(w, cell("token", made.ID), cell("party", made.Party), cell("label", cmp.Or(made.Label, "-")),
					cell("secret", made.Secret), cell("fetch at", cmp.Or(made.Address, "nowhere yet: set http.reports.listen in dialerd.yaml")))
			})
		},
	}
	command.Flags().StringVar(&label, "label", "", "whose it is, in your words")
	return command
}

func (a *app) tokenListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "all tokens, with the day they were used last", Args: wants(),
		RunE: func(command *cobra.Command, _ []string) error {
			var tokens []dialer.PartyToken
			return a.asked(command, queue.VerbTokenList, nil, &tokens, "list the tokens", func(w io.Writer) error {
				rows := []string{cell("TOKEN", "PARTY", "LABEL", "MADE", "BY", "USED", "REVOKED")}
				for _, t := range tokens {
					used := "never"
					if !t.Used.IsZero() {
						used = t.Used.Format(time.DateOnly)
					}
					rows = append(rows, cell(t.ID, t.Party, cmp.Or(t.Label, "-"), instant(t.Made), t.By, used, instant(t.Revoked)))
				}
				return table(w, rows...)
			})
		},
	}
}

func (a *app) tokenRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke TOKEN", Short: "take a token back: the next request with it is refused", Args: wants("TOKEN"),
		RunE: func(command *cobra.Command, args []string) error {
			token := new(dialer.PartyToken)
			request := queue.TokenRequest{ID: args[0], Operator: a.operator}
			return a.asked(command, queue.VerbTokenRevoke, request, token, "revoke a token", func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "token %s of %s is revoked\n", token.ID, token.Party)
				return err
			})
		},
	}
}
