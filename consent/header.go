package consent

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// mostLife is the longest that a pack may hold without anybody having looked at
// the law again (E9): ten years.
const mostLife = 3653 * 24 * time.Hour

var codeForm = regexp.MustCompile(`^[A-Z]{2,6}(-[A-Z0-9]{1,12})?$`)

// newFrame makes the pack from what stands above its rules.
func newFrame(file PackFile, parents []*Pack) (p, parent *Pack, err error) {
	if !codeForm.MatchString(file.Pack) {
		return nil, nil, fmt.Errorf("pack: %q is not a code such as FR or US-MN", file.Pack)
	}
	p = &Pack{code: file.Pack, title: file.Title, state: file.Version, abstract: file.Abstract}
	if file.Title == "" {
		return nil, nil, fmt.Errorf("title: is missing")
	}
	if _, err := parseDate(file.Version); err != nil {
		return nil, nil, fmt.Errorf("version: %w", err)
	}
	if parent, err = findParent(file, parents); err != nil {
		return nil, nil, err
	}
	switch {
	case file.Zone != "":
		if p.zone, err = loadZone(file.Zone); err != nil {
			return nil, nil, fmt.Errorf("zone: %w", err)
		}
	case parent != nil:
		p.zone = parent.zone
	default:
		p.zone = time.UTC
	}
	if p.from, p.to, err = life(file.ValidFrom, file.ValidTo, p.zone); err != nil {
		return nil, nil, err
	}
	switch {
	case p.from.IsZero() || p.to.IsZero():
		return nil, nil, fmt.Errorf("valid_from, valid_to: a pack needs both")
	case p.to.Sub(p.from) > mostLife:
		return nil, nil, fmt.Errorf("valid_to: nobody knows the law in so many years: want at most ten after valid_from")
	}
	for i, poll := range file.Polls {
		if err := p.addPoll(poll); err != nil {
			return nil, nil, fmt.Errorf("polls[%d]: %w", i, err)
		}
	}
	ancestry := ""
	if parent != nil {
		ancestry = parent.version
		if parent.from.After(p.from) {
			p.from = parent.from
		}
		if parent.to.Before(p.to) {
			p.to = parent.to
		}
		p.polls = append(p.polls, parent.polls...)
		p.calendar = append(p.calendar, parent.calendar...)
		p.speech = parent.speech
		if len(file.Territories) > 0 {
			p.code, p.title, p.state, p.abstract = parent.code, parent.title, parent.state, parent.abstract
		}
	}
	if file.Speech != nil {
		if err := file.Speech.validate(); err != nil {
			return nil, nil, fmt.Errorf("speech.%w", err)
		}
		p.speech = *file.Speech
	}
	content, err := json.Marshal(file)
	if err != nil {
		return nil, nil, fmt.Errorf("params: %w", err)
	}
	p.version = fmt.Sprintf("%s@%s+sha256:%.8x", p.code, p.state, sha256.Sum256(append(content, ancestry...)))
	return p, parent, nil
}

func findParent(file PackFile, parents []*Pack) (*Pack, error) {
	switch {
	case file.Overlay && file.Extends == "":
		return nil, fmt.Errorf("extends: an overlay needs a pack to lie over")
	case file.Overlay && (file.Abstract || file.Zone != ""):
		return nil, fmt.Errorf("overlay: an overlay has no zone of its own and is not abstract")
	case len(file.Territories) > 0 && (!file.Overlay || len(file.Polls) > 0):
		return nil, fmt.Errorf("territories: only an overlay without polls of its own is limited to territories")
	case territories("territories", file.Territories) != nil:
		return nil, territories("territories", file.Territories)
	case file.Extends == "":
		return nil, nil
	}
	i := slices.IndexFunc(parents, func(p *Pack) bool { return p != nil && p.code == file.Extends })
	if i < 0 {
		return nil, fmt.Errorf("extends: there is no pack %q", file.Extends)
	}
	return parents[i], nil
}

// life reads the two dates that bound a pack or a rule, in the zone.
func life(validFrom, validTo string, zone *time.Location) (from, to time.Time, err error) {
	if validFrom != "" {
		if from, err = parseDate(validFrom); err != nil {
			return from, to, fmt.Errorf("valid_from: %w", err)
		}
		from = startOfDay(zone, civilDay(from))
	}
	if validTo != "" {
		if to, err = parseDate(validTo); err != nil {
			return from, to, fmt.Errorf("valid_to: %w", err)
		}
		to = startOfDay(zone, civilDay(to))
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return from, to, fmt.Errorf("valid_from: %s is not before valid_to %s", validFrom, validTo)
	}
	return from, to, nil
}

func (p *Pack) addPoll(file PollFile) error {
	switch {
	case file.ID == "":
		return fmt.Errorf("id: is missing")
	case !slices.Contains(electionKinds[:], file.Kind):
		return fmt.Errorf("kind: %q is no kind of election", file.Kind)
	case file.Source == "":
		return fmt.Errorf("source: is missing")
	}
	date, err := parseDate(file.Date)
	if err != nil {
		return fmt.Errorf("date: %w", err)
	}
	p.polls = append(p.polls, poll{file.Kind, civilDay(date)})
	p.calendar = append(p.calendar, file)
	return nil
}
