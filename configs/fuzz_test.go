package configs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxFuzzed keeps the fuzzer from spending its time on long files, over which
// the parser takes long.
const maxFuzzed = 8 << 10

// seed adds the examples and the broken files of that kind.
func seed(f *testing.F, kind string, examples ...string) {
	f.Helper()
	for _, name := range examples {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	broken, err := filepath.Glob("testdata/faults/" + kind + "-*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range broken {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, text := range []string{"", "\x00", "a: &a [*a]", "? [a]\n: b", "<<: {a: 1}", "- \t- -", "'", "|\n", "{{{", "!!binary x", "a: !!set {}", "\ufeff---\n...\n"} {
		f.Add(text)
	}
}

// told fails on a fault that cannot be shown: no reason, a place outside the
// file, or something that could steer a terminal.
func told(t *testing.T, d *document) {
	t.Helper()
	_ = d.err()
	if len(d.faults) > maxFaults {
		t.Errorf("%d faults are told", len(d.faults))
	}
	for _, fault := range d.faults {
		text := fault.String()
		if fault.Reason == "" || fault.Line > len(d.lines) || fault.Line < 0 || strings.ContainsAny(text, "\x00\x1b\r\t\u202e") || !utf8.ValidString(text) {
			t.Errorf("fault %+v prints as %q", fault, text)
		}
	}
}

func FuzzConfig(f *testing.F) {
	seed(f, "config", "dialerd.yaml", "dialerd.twilio.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxFuzzed {
			t.Skip()
		}
		d := parseDocument("dialerd.yaml", []byte(text), maxSettings)
		config := d.config()
		told(t, d)
		if len(d.faults) == 0 && config.Validate() != nil {
			t.Error("what was loaded is not valid")
		}
	})
}

func FuzzRegistry(f *testing.F) {
	seed(f, "registry", "registry.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxFuzzed {
			t.Skip()
		}
		d := parseDocument("registry.yaml", []byte(text), maxSettings)
		registry := d.registry(true)
		told(t, d)
		if len(d.faults) == 0 && (len(registry.Parties) == 0 || len(registry.Senders) == 0 || registry.Tariff.Segment <= 0) {
			t.Errorf("an empty registry is let through: %+v", registry)
		}
	})
}

func FuzzTestNumbers(f *testing.F) {
	seed(f, "testnumbers")
	f.Add(soundTestNumbers)
	digits := regexp.MustCompile(`[0-9]{6}`)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxFuzzed {
			t.Skip()
		}
		d := parseDocument("numbers.yaml", []byte(text), maxSettings)
		d.conceal()
		phones := d.testNumbers()
		told(t, d)
		for _, fault := range d.faults {
			if words := fault.Source + fault.Field + fault.Reason + fault.Hint; digits.MatchString(words) {
				t.Errorf("a number is told: %q", words)
			}
		}
		for _, phone := range phones {
			if len(d.faults) == 0 && (!phone.Line.TakesText() || phone.Territory == nil || digits.MatchString(phone.Name)) {
				t.Errorf("let through: %+v", phone)
			}
		}
	})
}

func FuzzDirectory(f *testing.F) {
	seed(f, "directory", "directory.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxFuzzed {
			t.Skip()
		}
		d := parseDocument("directory.yaml", []byte(text), maxSettings)
		schema := d.directory()
		told(t, d)
		for _, a := range schema.Attributes {
			if reason, _ := forbidden(a.Name); reason != "" && len(d.faults) == 0 {
				t.Errorf("attribute %q is let through", a.Name)
			}
		}
	})
}

func FuzzCampaign(f *testing.F) {
	seed(f, "campaign", "campaigns/party-a-seniors.yaml", "campaigns/party-b-seniors.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxFuzzed {
			t.Skip()
		}
		d, job := parseCampaign("campaign.yaml", []byte(text))
		told(t, d)
		if len(d.faults) > 0 {
			return
		}
		if job.ID == "" || job.Size <= 0 || job.Budget <= 0 || job.Message.Body == "" {
			t.Errorf("an incomplete job is let through: %+v", job)
		}
		for name, element := range job.Message.Elements {
			if !strings.Contains(job.Message.Body, element) {
				t.Errorf("element %s does not occur in the body", name)
			}
		}
		job.Hash()
	})
}

// FuzzPack ensures that no pack file brings the reader or the compiler down, and
// that each fault has its place in the file.
func FuzzPack(f *testing.F) {
	seed(f, "pack", "packs/fr-aggregator.yaml", "packs/house.yaml", "packs/be.yaml", "packs/us-mn.yaml")
	embedded, err := readPacks(files, "packs", "")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxFuzzed {
			t.Skip()
		}
		own := packSource{document: parseDocument("own.yaml", []byte(text), maxRegistry)}
		own.document.decode(&own.file)
		told(t, own.document)
		if len(own.document.faults) > 0 {
			return
		}
		others := slices.DeleteFunc(slices.Clone(embedded), func(p packSource) bool { return p.file.Pack == own.file.Pack })
		packs, err := append(others, own).compile()
		if err == nil && packs["FR"] == nil && own.file.Pack != "FR" {
			t.Error("another pack's file has taken the French one away")
		}
		var faults Faults
		if err != nil && (!errors.As(err, &faults) || len(faults) == 0 || faults[0].Reason == "") {
			t.Errorf("refused with %v", err)
		}
	})
}
