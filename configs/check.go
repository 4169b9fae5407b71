package configs

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/hustings/hustings/consent"
)

// Check reads a dialerd.yaml and all that it names, secrets included, and tells
// w for each file what is wrong with it or that it is sound, with its SHA-256.
// An empty path means the embedded files. It returns how many faults there are;
// the error is that of writing to w.
func Check(path string, w io.Writer) (int, error) {
	c := checker{w: w}
	config := Defaults("")
	if path != "" {
		data, err := readFile(path)
		if err != nil {
			c.refuse(path, err)
			return c.faults, c.err
		}
		d := parseDocument(path, data, maxSettings)
		config = d.config()
		if c.report(d); len(d.faults) > 0 {
			// Which files it means is not known before it is right.
			return c.faults, c.err
		}
	}
	c.checkFile(config.DirectoryFile, directoryName, maxDirectory, func(d *document) { d.directory() })
	c.checkFile(config.RegistryFile, registryName, maxRegistry, func(d *document) { d.registry(config.realCarrier()) })
	c.checkTestNumbers(config.TestNumbersFile)
	c.checkPacks(config)
	if err := config.CheckSecrets(); err != nil {
		c.refuse(path, err)
	}
	return c.faults, c.err
}

// checker counts faults and keeps the first error of its writer.
type checker struct {
	w      io.Writer
	faults int
	err    error
}

func (c *checker) checkFile(path, name string, most int, read func(*document)) {
	d, err := openDocument(shorten(path), name, most)
	if err != nil {
		c.refuse(path, err)
		return
	}
	read(d)
	c.report(d)
}

func (c *checker) checkTestNumbers(path string) {
	if path == "" {
		return
	}
	d, err := openPrivate(shorten(path))
	if err != nil {
		c.refuse(path, err)
		return
	}
	d.testNumbers()
	c.report(d)
}

func (c *checker) checkPacks(config *Config) {
	sources, err := openPacks(shorten(config.Packs.Directory))
	if err != nil {
		c.refuse(config.Packs.Directory, err)
		return
	}
	var packs consent.Packs
	if packs, err = sources.compile(); err != nil {
		c.refuse("packs", err)
		return
	}
	for _, source := range sources {
		c.report(source.document)
	}
	if err := config.checkPackName(packs); err != nil {
		c.refuse("packs", err)
	}
}

// report prints a document's faults, or that it is sound.
func (c *checker) report(d *document) {
	if err := d.err(); err != nil {
		c.refuse(d.file, err)
		return
	}
	c.print("%s: ok (sha256 %x)\n", d.file, d.sum)
}

// refuse prints faults, or an error of reading a file.
func (c *checker) refuse(path string, err error) {
	var faults Faults
	if !errors.As(err, &faults) {
		faults = Faults{{File: path, Reason: err.Error()}}
	}
	c.faults += len(faults)
	c.print("%s\n", faults.Error())
}

func (c *checker) print(format string, args ...any) {
	if c.err == nil {
		_, c.err = fmt.Fprintf(c.w, format, args...)
	}
}

// shorten writes a path as seen from the working directory where that is
// shorter, for printing.
func shorten(path string) string {
	here, err := filepath.Abs(".")
	if path == "" || err != nil {
		return path
	}
	if relative, err := filepath.Rel(here, path); err == nil && len(relative) < len(path) {
		return relative
	}
	return path
}
