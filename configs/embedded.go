package configs

import (
	"embed"
	"fmt"
	"io/fs"
)

// The names of the embedded files, which are also the documented examples.
const (
	directoryName = "directory.yaml"
	registryName  = "registry.yaml"
)

//go:embed dialerd.yaml dialerd.twilio.yaml registry.yaml directory.yaml campaigns/*.yaml packs/*.yaml
var files embed.FS

// Examples returns the files that a daemon without any of its own runs on, for
// printing and for copying: dialerd.yaml, dialerd.twilio.yaml, registry.yaml,
// directory.yaml, campaigns/*.yaml and packs/*.yaml.
func Examples() fs.FS { return files }

// openDocument reads at most so many bytes of the file at path or, where path
// is empty, of the embedded file of that name.
func openDocument(path, name string, most int) (*document, error) {
	if path != "" {
		data, err := readFile(path)
		if err != nil {
			return nil, err
		}
		return parseDocument(path, data, most), nil
	}
	data, err := files.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("embedded %s: %w", name, err)
	}
	return parseDocument("embedded "+name, data, most), nil
}
