package consent_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/hustings/hustings/consent"
)

var readShipped = sync.OnceValues(func() ([]consent.PackFile, error) {
	paths, err := filepath.Glob("../configs/packs/*.yaml")
	if err != nil {
		return nil, err
	}
	var files []consent.PackFile
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var file consent.PackFile
		if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
})

// shippedFiles returns the packs that are shipped, as written.
func shippedFiles(tb testing.TB) []consent.PackFile {
	tb.Helper()
	files, err := readShipped()
	if err != nil || len(files) == 0 {
		tb.Fatalf("read the shipped packs: %v, %d files", err, len(files))
	}
	return files
}

var compileShipped = sync.OnceValues(func() (consent.Packs, error) {
	files, err := readShipped()
	if err != nil {
		return nil, err
	}
	return consent.NewPacks(files...)
})

// shipped returns the packs that are shipped, compiled.
func shipped(tb testing.TB) consent.Packs {
	tb.Helper()
	packs, err := compileShipped()
	if err != nil {
		tb.Fatal(err)
	}
	return packs
}
