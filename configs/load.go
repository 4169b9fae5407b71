package configs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Load reads a dialerd.yaml. An error of type Faults lists everything that is
// wrong with it, each with its place.
func Load(path string) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	d := parseDocument(path, data, maxSettings)
	config := d.config()
	if err := d.err(); err != nil {
		return nil, err
	}
	return config, nil
}

// config reads the document as a dialerd.yaml and checks it.
func (d *document) config() *Config {
	config := Defaults("")
	config.document = d
	d.decode(config)
	if len(d.faults) == 0 {
		// A value of the wrong type still has its default, and what a check
		// would say of that could only mislead.
		config.check(d)
	}
	config.resolve(filepath.Dir(d.file))
	return config
}

// resolve makes relative paths start at the folder of the file.
func (c *Config) resolve(folder string) {
	for _, path := range []*string{
		&c.DataDirectory, &c.RegistryFile, &c.DirectoryFile, &c.TestNumbersFile, &c.Packs.Directory, &c.Keys.Directory, &c.Audit.Checkpoints, &c.HTTP.Reports.Certificate, &c.HTTP.Reports.Key,
		&c.NATS.Credentials, &c.NATS.CA, &c.Carrier.Twilio.AuthTokenFile, &c.Carrier.Sandbox.AuthTokenFile,
	} {
		if *path == "" || filepath.IsAbs(*path) {
			continue
		}
		*path = filepath.Join(folder, *path)
		if absolute, err := filepath.Abs(*path); err == nil {
			*path = absolute
		}
	}
}

// readFile reads a file whole, if it is of a size that can be meant.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Faults{{File: path, Reason: "there is no such file"}}
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { _ = file.Close() }() // only read
	data, err := io.ReadAll(io.LimitReader(file, maxDirectory+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return data, nil
}
