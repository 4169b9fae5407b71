package configs

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hustings/hustings/consent"
)

// LoadPacks compiles the embedded packs and those in the folder that the
// settings name, and checks that the pack in force is among them. An error of
// type Faults lists what is wrong.
func (c *Config) LoadPacks() (consent.Packs, error) {
	packs, err := LoadPacks(c.Packs.Directory)
	if err != nil {
		return nil, err
	}
	if err := c.checkPackName(packs); err != nil {
		return nil, err
	}
	return packs, nil
}

// checkPackName refuses a pack in force that is none of those loaded.
func (c *Config) checkPackName(packs consent.Packs) error {
	if packs[c.Packs.Name] != nil {
		return nil
	}
	d := c.places()
	d.fault("packs.name", suggest(c.Packs.Name, sortedKeys(packs)), "there is no pack %q that a campaign may choose", c.Packs.Name)
	return d.err()
}

// LoadPacks compiles the embedded packs and those of a directory, which take
// the place of embedded ones with the same code. An empty directory means the
// embedded ones only. An error of type Faults lists what is wrong.
func LoadPacks(directory string) (consent.Packs, error) {
	loaded, err := openPacks(directory)
	if err != nil {
		return nil, err
	}
	return loaded.compile()
}

// packSource is one pack's file and what it says.
type packSource struct {
	document *document
	file     consent.PackFile
}

type packSources []packSource

// openPacks reads the embedded packs and those of a directory.
func openPacks(directory string) (packSources, error) {
	loaded, err := readPacks(files, "packs", "embedded packs/")
	if err != nil || directory == "" {
		return loaded, err
	}
	info, err := os.Stat(directory)
	if err != nil || !info.IsDir() {
		return nil, Faults{{File: directory, Field: "packs.directory", Reason: "there is no such folder"}}
	}
	own, err := readPacks(os.DirFS(directory), ".", directory+string(filepath.Separator))
	if err != nil {
		return nil, err
	}
	for _, source := range own {
		same := func(other packSource) bool { return other.file.Pack == source.file.Pack }
		loaded = append(slices.DeleteFunc(loaded, same), source)
	}
	return loaded, nil
}

// readPacks reads all packs in a folder. Prefix stands before their names in
// faults.
func readPacks(system fs.FS, folder, prefix string) (packSources, error) {
	names, err := fs.Glob(system, path.Join(folder, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("list packs: %w", err)
	}
	var loaded packSources
	for _, name := range names {
		data, err := fs.ReadFile(system, name)
		if err != nil {
			return nil, fmt.Errorf("read pack: %w", err)
		}
		source := packSource{document: parseDocument(prefix+path.Base(name), data, maxRegistry)}
		source.document.decode(&source.file)
		loaded = append(loaded, source)
	}
	return loaded, nil
}

// compile makes packs of the files. What package consent finds wrong is shown
// where it stands.
func (s packSources) compile() (consent.Packs, error) {
	var faults Faults
	packFiles := make([]consent.PackFile, len(s))
	for i, source := range s {
		_ = source.document.err() // only for their order
		faults = append(faults, source.document.faults...)
		packFiles[i] = source.file
	}
	if len(faults) > 0 {
		return nil, faults
	}
	packs, err := consent.NewPacks(packFiles...)
	if err != nil {
		return nil, s.place(err)
	}
	return packs, nil
}

// The beginnings of what package consent says of a pack, a rule and a field.
var (
	ofPack  = regexp.MustCompile(`^pack ([^ :]+): `)
	ofRule  = regexp.MustCompile(`^rule ([^ :]+): `)
	ofField = regexp.MustCompile(`^([a-z_]+(?:\[\d+\])?): `)
)

// place finds the file, the rule and the field that an error of package consent
// names.
func (s packSources) place(err error) error {
	var faults Faults
	var source *packSource
	for line := range strings.SplitSeq(err.Error(), "\n") {
		for named := ofPack.FindStringSubmatch(line); named != nil; named = ofPack.FindStringSubmatch(line) {
			line = line[len(named[0]):]
			if at := slices.IndexFunc(s, func(p packSource) bool { return p.file.Pack == named[1] }); at >= 0 {
				source = &s[at]
			}
		}
		if source == nil {
			faults = append(faults, Fault{File: "packs", Reason: line})
			continue
		}
		faults = append(faults, source.fault(line))
	}
	return faults
}

// fault finds the place of what package consent says, which begins with the rule
// and the field.
func (s *packSource) fault(text string) Fault {
	field, rule := "", ""
	if named := ofRule.FindStringSubmatch(text); named != nil {
		at := slices.IndexFunc(s.file.Rules, func(r consent.RuleFile) bool { return r.ID == named[1] })
		if at >= 0 {
			field, rule, text = fmt.Sprintf("rules[%d]", at), named[0], text[len(named[0]):]
		}
	}
	for named := ofField.FindStringSubmatch(text); named != nil; named = ofField.FindStringSubmatch(text) {
		next := join(field, named[1])
		if parameter := join(field+".params", named[1]); !s.document.has(next) && s.document.has(parameter) {
			next = parameter
		}
		if !s.document.has(next) {
			break
		}
		field, text = next, text[len(named[0]):]
	}
	s.document.faults = nil
	s.document.fault(field, "", "%s%s", rule, text)
	return s.document.faults[0]
}
