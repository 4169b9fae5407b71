package consent

import (
	"fmt"
	"slices"
)

// Packs are the packs that a campaign may choose, by code.
type Packs map[string]*Pack

// NewPacks compiles packs that extend one another, whatever their order. A
// territory's overlay becomes part of the pack that it extends, and of those
// that extend that one; abstract packs are left out.
func NewPacks(files ...PackFile) (Packs, error) {
	s := packSet{files: files, done: make(Packs)}
	packs := make(Packs)
	for _, file := range files {
		if len(file.Territories) > 0 {
			if !slices.ContainsFunc(files, func(f PackFile) bool { return f.Pack == file.Extends }) {
				return nil, fmt.Errorf("pack %s: extends: there is no pack %q", file.Pack, file.Extends)
			}
			continue
		}
		p, err := s.build(file, 0)
		if err != nil {
			return nil, err
		}
		if packs[file.Pack] != nil {
			return nil, fmt.Errorf("pack %s: stands there twice", file.Pack)
		}
		if !p.abstract {
			packs[file.Pack] = p
		}
	}
	return packs, nil
}

type packSet struct {
	files []PackFile
	done  Packs
}

func (s *packSet) build(file PackFile, depth int) (*Pack, error) {
	if p := s.done[file.Pack]; p != nil {
		return p, nil
	}
	if depth > len(s.files) {
		return nil, fmt.Errorf("pack %s: extends: packs extend each other in a circle", file.Pack)
	}
	var parent *Pack
	for _, other := range s.files {
		if other.Pack == file.Extends && len(other.Territories) == 0 {
			var err error
			if parent, err = s.build(other, depth+1); err != nil {
				return nil, err
			}
		}
	}
	p, err := NewPack(file, parent)
	if err != nil {
		return nil, err
	}
	for _, overlay := range s.files {
		if len(overlay.Territories) > 0 && overlay.Extends == file.Pack {
			if p, err = NewPack(overlay, p); err != nil {
				return nil, err
			}
		}
	}
	s.done[file.Pack] = p
	return p, nil
}
