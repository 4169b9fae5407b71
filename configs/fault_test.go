package configs

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the expected faults in testdata")

// readers read a file of testdata/faults by the first word of its name.
var readers = map[string]func(path string) error{
	"config":      func(path string) error { _, err := Load(path); return err },
	"campaign":    func(path string) error { _, err := ReadCampaign(path); return err },
	"registry":    func(path string) error { _, err := (&Config{RegistryFile: path}).LoadRegistry(); return err },
	"directory":   func(path string) error { _, err := (&Config{DirectoryFile: path}).LoadDirectory(); return err },
	"testnumbers": readPrivate,
	"pack": func(path string) error {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		source := packSource{document: parseDocument(path, data, maxRegistry)}
		source.document.decode(&source.file)
		_, err = packSources{source}.compile()
		return err
	},
}

// readPrivate reads test numbers as if nobody else could: git keeps no such mode.
func readPrivate(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	d := parseDocument(path, data, maxSettings)
	d.conceal()
	d.testNumbers()
	return d.err()
}

// Ensure that every kind of mistake is told with its place, the line, a caret
// and a way out, and that all mistakes of a file are told at once. The file
// beside each broken one holds what is printed: read them as documentation.
func TestFaults(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/faults/*")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, path := range paths {
		if filepath.Ext(path) == ".txt" {
			continue
		}
		ran++
		kind, _, _ := strings.Cut(filepath.Base(path), "-")
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			err := readers[kind](path)
			var faults Faults
			if !errors.As(err, &faults) {
				t.Fatalf("got %v, want faults", err)
			}
			expect(t, strings.TrimSuffix(path, filepath.Ext(path))+".txt", faults.Error()+"\n")
		})
	}
	if ran < 40 {
		t.Errorf("only %d broken files were read", ran)
	}
}

// expect compares with a file of testdata, or rewrites it.
func expect(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("faults differ (-want +got):\n%s", diff)
	}
}
