package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

func (a *app) contactFileCommand() *cobra.Command {
	question := queue.ContactQuestion{}
	var output, language string
	command := &cobra.Command{
		Use: "file", Short: `"where did you get my number?": all that is kept of a contact`, Args: noNumber,
		Long: `file answers a contact's question what is kept of them (GDPR art. 15): the list
they came from, every consent with its words, objections, the parties they are
bound to, the campaigns they were in, and every attempt with party, time and
text.

With --output NAME the answer is written to NAME.json and to NAME.html, a page
for the contact; nothing that is there is overwritten. No file shows the number.

` + numberHelp,
		Example: `  dialctl contact file --reason "letter of 3 March" --output letter-17`,
		RunE: func(command *cobra.Command, _ []string) error {
			if !slices.Contains(pageLanguages(), language) {
				return usage("one of: en, fr", "--language %q has no page", language)
			}
			if len(onlyDigits(output)) >= shortestNumber {
				return usage("name it after the letter or the case", "--output may be a phone number, which no file name shall show")
			}
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				file := new(dialer.ContactFile)
				if err := a.askContact(ctx, client, queue.VerbContactFile, question, file); err != nil {
					return failed("look the contact up", err)
				}
				if output == "" {
					return a.result(file, func(w io.Writer) error { return printContactFile(w, file) })
				}
				return a.writeContactFile(output, language, file)
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&question.Reason, "reason", "", "why somebody looks; it is kept in the records")
	flags.StringVar(&output, "output", "", "write `NAME`.json and NAME.html instead of printing")
	flags.StringVar(&language, "language", "fr", "`language` of the page: fr or en")
	return command
}

// writeContactFile writes both renderings, or none.
func (a *app) writeContactFile(name, language string, file *dialer.ContactFile) error {
	document, page := name+".json", name+".html"
	err := writePrivate(document, func(w io.Writer) error {
		inner := console{out: w}
		return inner.printJSON(file)
	})
	if err == nil {
		if err = writePrivate(page, func(w io.Writer) error { return renderContactPage(w, language, file) }); err != nil {
			err = errors.Join(err, os.Remove(document))
		}
	}
	if err != nil {
		return failed("write the answer", err)
	}
	a.say("written: %s and %s; they hold personal data, so remove them once they are sent", document, page)
	return nil
}

// writePrivate writes a file that only its owner can read, where there is none.
func writePrivate(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return withHint(fmt.Errorf("%s is there already", path), "choose another name with --output")
	}
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func onlyDigits(text string) string {
	var found []rune
	for _, r := range text {
		if r >= '0' && r <= '9' {
			found = append(found, r)
		}
	}
	return string(found)
}

func printContactFile(w io.Writer, file *dialer.ContactFile) error {
	rows := []string{cell("number", file.Number), cell("contact", file.Contact.String())}
	if d := file.Directory; d != nil {
		rows = append(rows, cell("from the list", d.Source+", collected "+day(d.Collected)), cell("line", d.Line),
			cell("territory", or(d.Territory)), cell("zone", or(d.Zone)))
		for _, name := range sortedNames(d.Attributes) {
			rows = append(rows, cell(name, d.Attributes[name]))
		}
	} else {
		rows = append(rows, cell("in the directory", "no"))
	}
	if !file.Erased.IsZero() {
		rows = append(rows, cell("erased", instant(file.Erased)))
	}
	if !file.Waiting.IsZero() {
		rows = append(rows, cell("waits for a person", "since "+instant(file.Waiting)))
	}
	if file.Sandbox {
		rows = append([]string{cell("SANDBOX", "nothing of this is real")}, rows...)
	}
	if err := table(w, rows...); err != nil {
		return err
	}
	for _, section := range contactSections(file) {
		if len(section) == 1 {
			continue // a heading without anything under it
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
		if err := table(w, section...); err != nil {
			return err
		}
	}
	return nil
}

// contactSections are the tables of a file, each with its heading first.
func contactSections(file *dialer.ContactFile) [][]string {
	grants := []string{cell("CONSENT", "PARTY", "CHANNEL", "GIVEN", "COLLECTED FROM", "LIST", "WORDS")}
	for _, g := range file.Grants {
		grants = append(grants, cell(fmt.Sprint(g.Version), g.Party, g.Channel, instant(g.GivenAt), g.CollectedFrom, g.Source, short(g.Wording)))
	}
	objections := []string{cell("OBJECTION", "CHANNEL", "PARTY", "BY")}
	for _, o := range file.Objections {
		objections = append(objections, cell(instant(o.At), o.Channel.String(), o.Party, o.Way))
	}
	claims := []string{cell("ROUND", "BOUND TO")}
	for _, c := range file.Claims {
		claims = append(claims, cell(c.Round, c.Party))
	}
	campaigns := []string{cell("CAMPAIGN", "PARTY", "STATE", "REASON OR OUTCOME")}
	for _, c := range file.Campaigns {
		campaigns = append(campaigns, cell(c.Campaign, c.Party, c.State, c.Reason+c.Outcome))
	}
	attempts := []string{cell("ATTEMPT", "PARTY", "SENDER", "OUTCOME", "CONSENT", "TEXT")}
	for _, t := range file.Attempts {
		attempts = append(attempts, cell(instant(t.At), t.Party, t.Sender, or(t.Outcome), fmt.Sprint(t.Grant), short(t.Text)))
	}
	lists := []string{cell("ON THE LIST", "FILE DATE", "ANSWER")}
	for _, l := range file.Lists {
		lists = append(lists, cell(l.List, day(l.FileDate), or(l.Answer)))
	}
	return [][]string{grants, objections, claims, campaigns, attempts, lists}
}

func or(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// short cuts a text for a table.
func short(text string) string {
	const most = 40
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + " ..."
	}
	return text
}
