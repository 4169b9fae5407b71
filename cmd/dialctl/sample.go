package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/configs/sample"
)

func (a *app) sampleCommand() *cobra.Command {
	people := sample.Options{Seed: 1}
	command := &cobra.Command{
		Use: "write DIR", Short: "write sample lists and campaigns into a folder", Args: wants("DIR"),
		Long: `write puts invented contacts, their grants and opt-outs, two campaigns and the
example configuration into a folder. All numbers are fictional: nobody can have
them. Files that are there already are not touched.`,
		RunE: func(command *cobra.Command, args []string) error {
			others := command.Flags().Changed("contacts") || command.Flags().Changed("seed")
			if others && (people.Contacts < leastSample || people.Contacts > sample.MaxContacts) {
				return usage(fmt.Sprintf("from %d to %d", leastSample, sample.MaxContacts), "--contacts %d is out of bounds", people.Contacts)
			}
			written, err := writeSample(args[0], people, others)
			if err != nil {
				return failed("write the sample", err)
			}
			return a.result(written, func(w io.Writer) error {
				for _, path := range written {
					if _, err := fmt.Fprintln(w, path); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	command.Flags().IntVar(&people.Contacts, "contacts", sampleContacts, "how many rows the lists of contacts have")
	command.Flags().Uint64Var(&people.Seed, "seed", people.Seed, "which people: one seed, the same ones")
	return group("sample", "invented people to try things with", command, a.sampleGenerateCommand())
}

const (
	// sampleContacts is the size of the sample that is built in, and leastSample
	// the smallest one that there is any use for.
	sampleContacts = 10_000
	leastSample    = 100
)

// writeSample writes the sample's files and returns their paths, in order. It
// makes other people than the ones built in only if asked to.
func writeSample(directory string, people sample.Options, others bool) ([]string, error) {
	written, err := writeFiles(directory, configs.Examples())
	if err != nil {
		return nil, err
	}
	lists := fs.FS(sample.Files)
	if others {
		// By way of a folder of their own, so that nothing is written over.
		scratch, err := os.MkdirTemp("", "hustings-sample-")
		if err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(scratch) }()
		if err := sample.Generate(people, scratch); err != nil {
			return nil, err
		}
		lists = os.DirFS(scratch)
	}
	more, err := writeFiles(directory, lists)
	if err != nil {
		return nil, err
	}
	written = append(written, more...)
	slices.Sort(written)
	return written, nil
}

func writeFiles(directory string, files fs.FS) ([]string, error) {
	var written []string
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Dir(path) == "packs" {
			return err
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		path = filepath.Join(directory, filepath.FromSlash(path))
		written = append(written, path)
		return writeNew(path, text)
	})
	return written, err
}

// writeNew writes a file that is not there. One that is there with the same
// content is as good; another one is somebody's work.
func writeNew(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	switch there, err := os.ReadFile(path); {
	case err == nil && bytes.Equal(there, text):
		return nil
	case err == nil:
		return withHint(fmt.Errorf("%s is there already and is another one", path), "choose an empty folder")
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return os.WriteFile(path, text, 0o600)
}
