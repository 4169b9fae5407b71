package consent_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// The hours are held against an oracle in another language: Python's zoneinfo,
// which walks minute by minute (testdata/windows.py). Both read the very tz data
// that Go embeds.

// oraclePack has the oracle's windows, each on a channel of its own.
const oraclePack = `
pack: ORACLE
title: windows that an oracle knows
version: 2026-11-01
valid_from: 2026-01-01
valid_to: 2035-12-31
rules:
  - {id: X-B1, kind: lawful_basis, force: house, params: {allowed: [none]}, source: a test}
  - {id: X-O1, kind: opt_out, force: house, params: {scope: broker}, source: a test}
  - {id: X-L1, kind: suppression_list, force: house, params: {name: internal, max_age: 24h, on_stale: defer}, source: a test}
  - {id: X-W1, kind: calling_window, force: house, channels: [sms], params: {week: [{days: daily, hours: ["08:00-21:30"]}]}, source: a test}
  - {id: X-W2, kind: calling_window, force: house, channels: [live_call], params: {week: [{days: daily, hours: ["01:30-02:30"]}]}, source: a test}
  - {id: X-W3, kind: calling_window, force: house, channels: [robocall], params: {week: [{days: mon-fri, hours: ["00:00-24:00"]}]}, source: a test}
  - {id: X-W4, kind: calling_window, force: house, channels: [predictive_call, ai_voice], params: {week: [{days: daily, hours: ["00:00-24:00"]}]}, source: a test}
  - {id: X-S1, kind: blackout, force: house, channels: [ai_voice], params: {polls: own, days_before: 0}, source: a test}
`

// told is one line of the oracle's.
type told struct {
	Zone   string `json:"zone"`
	Window string `json:"window"`
	At     int64  `json:"at"`
	Open   bool   `json:"open"`
	Until  int64  `json:"until"`
	Poll   string `json:"poll"`
}

// Ensure that windows and silence open and close as the oracle says, around every
// change of the clocks. HUSTINGS_ORACLE=all asks about every zone and the years
// 2020 to 2035; otherwise it is a sample.
func TestOracle_Windows(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED: the oracle of time zones needs python3, which is not installed")
	}
	directory, zones := unpackZones(t)
	names := []string{
		"Europe/Paris", "Africa/Cairo", "America/Havana", "Australia/Lord_Howe", "Asia/Beirut", "America/Scoresbysund",
		"Pacific/Chatham", "Africa/Casablanca", "America/Santiago", "Asia/Kathmandu",
	}
	years := []string{"2026", "2028"}
	if os.Getenv("HUSTINGS_ORACLE") == "all" {
		names, years = slices.Sorted(maps.Keys(zones)), []string{"2020", "2035"}
	}
	pack, err := consent.NewPack(parsePack(t, oraclePack))
	if err != nil {
		t.Fatal(err)
	}
	arguments := slices.Concat([]string{"testdata/windows.py", directory}, years, names)
	command := exec.CommandContext(t.Context(), python, arguments...)
	var complaints bytes.Buffer
	command.Stderr = &complaints
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines, asked := bufio.NewScanner(output), make(map[string]bool)
	count := 0
	for lines.Scan() {
		var line told
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("the oracle says %q: %v", lines.Text(), err)
		}
		count, asked[line.Zone] = count+1, true
		heed(t, pack, zones[line.Zone], line)
	}
	err = command.Wait()
	if exit, is := errors.AsType[*exec.ExitError](err); is && exit.ExitCode() == 3 {
		t.Skip("SKIPPED: the oracle of time zones needs Python 3.9 or later")
	}
	if err != nil {
		t.Fatalf("the oracle failed: %v\n%s", err, complaints.String())
	}
	if len(asked) != len(names) {
		t.Errorf("the oracle spoke of %d zones, asked about %d", len(asked), len(names))
	}
	t.Logf("%d instants in %d zones, %s to %s", count, len(asked), years[0], years[1])
}

// heed asks the pack what the oracle was asked.
func heed(t *testing.T, pack *consent.Pack, zone *time.Location, line told) {
	t.Helper()
	at := time.Unix(line.At, 0).UTC()
	channel, check := contact.SMS, "calling_window"
	campaign := &consent.Campaign{Party: "party-a"}
	switch line.Window {
	case "night":
		channel = contact.LiveCall
	case "week":
		channel = contact.Robocall
	case "poll":
		channel, check = contact.AIVoice, "blackout"
		day, err := time.Parse(time.DateOnly, line.Poll)
		if err != nil {
			t.Fatal(err)
		}
		campaign.Election.PollingDay = day
	}
	campaign.Channel = channel
	person := &consent.Person{Zones: []*time.Location{zone}}
	for _, result := range pack.Explain(campaign, person, at) {
		if result.Check != check {
			continue
		}
		got := result.Decision
		if got.Allowed() != line.Open || !line.Open && !got.Until.Equal(time.Unix(line.Until, 0)) {
			t.Errorf("%s %s at %s: %s, and the oracle says open %t, until %s",
				line.Zone, line.Window, at, got, line.Open, time.Unix(line.Until, 0).UTC())
		}
	}
}

// unpackZones writes the tz data that Go embeds into a directory, where Python
// reads it, and loads it.
func unpackZones(t *testing.T) (directory string, zones map[string]*time.Location) {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Skipf("SKIPPED: the oracle of time zones needs the go command, to find its tz data: %v", err)
	}
	archive, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Skipf("SKIPPED: the oracle of time zones needs Go's tz data: %v", err)
	}
	defer func() { _ = archive.Close() }()
	directory, zones = t.TempDir(), make(map[string]*time.Location)
	for _, file := range archive.File {
		if strings.HasSuffix(file.Name, "/") {
			continue
		}
		content, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(directory, filepath.FromSlash(file.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if zones[file.Name], err = time.LoadLocationFromTZData(file.Name, data); err != nil {
			t.Fatal(err)
		}
	}
	return directory, zones
}
