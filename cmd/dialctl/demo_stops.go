package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
)

// demoStops is how many people write STOP in each of three volleys, beside those
// who answer a message: most of them have not been reached yet, and never may be.
const demoStops = 20

// international matches a number as the carrier writes it; lists have all sorts.
var international = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// writeStops has people write STOP to the first party's sender.
func (d *demo) writeStops(ctx context.Context, volley int) error {
	people, err := d.people(3 * demoStops)
	if err != nil {
		return fmt.Errorf("choose who writes STOP: %w", err)
	}
	for _, number := range people[volley*demoStops : (volley+1)*demoStops] {
		text := map[string]string{"from": number, "to": "TILLEULS", "body": "STOP"}
		if err := askSandbox(ctx, d.stage.base, "reply", text, nil); err != nil {
			return failed("write STOP", err)
		}
	}
	return nil
}

// people returns numbers of those who agreed to the first party's messages, from
// all over the list.
func (d *demo) people(n int) ([]string, error) {
	file, err := os.Open(d.path("sample", "grants.csv"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	rows := csv.NewReader(file)
	rows.ReuseRecord = true
	var people []string
	for line := 0; len(people) < n; line++ {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the sample holds too few people")
		}
		if err != nil {
			return nil, errors.New("the sample's grants cannot be read") // the error may quote the row
		}
		const number, channel, party, between = 0, 1, 2, 97
		if line%between == 1 && row[channel] == "sms" && row[party] == "party-a" && international.MatchString(row[number]) {
			people = append(people, row[number])
		}
	}
	return people, nil
}
