package contact

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"os"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

var update = flag.Bool("update", false, "write plan_table.go anew from the library's metadata")

// planRegions are the regions whose numbers the table knows in national form:
// those of the packs, the most used first, and the French overseas ones.
var planRegions = []string{"FR", "US", "GB", "DE", "ES", "BE", "CA", "GP", "MQ", "GF", "RE", "YT", "BL", "MF", "PM", "WF", "NC", "PF"}

// Ensure that the committed table is what the library's metadata says: a new
// version of the library changes plans.
func TestPlanTable(t *testing.T) {
	made, err := makePlanTable()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("plan_table.go", made, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile("plan_table.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, made) {
		t.Error("plan_table.go is not what the library's metadata says: run go generate ./consent/contact and read the difference")
	}
}

// planMaker makes the table. Two beginnings of numbers of one length go on to
// the same row if every pattern of their plan stands at the same place after
// both, for the library looks at a number through its patterns and its length
// alone. What they lead to the library itself tells, of one number of each kind.
type planMaker struct {
	plans  []*plan
	lines  []Line
	rows   [][10]block
	names  []string // of each row: the length and a beginning that leads there
	byRow  map[[10]block]block
	byText map[string]block // what was made: length, digits read, places in the patterns
}

// plan is the numbers under one country calling code.
type plan struct {
	code, trunk string
	lengths     []int32 // of numbers without the code
	patterns    []*pattern
}

func makePlanTable() ([]byte, error) {
	m := planMaker{lines: []Line{^askLibrary: {}, ^dropTrunk: {}}, byRow: make(map[[10]block]block), byText: make(map[string]block)}
	metadata, err := regionMetadata()
	if err != nil {
		return nil, err
	}
	var homes strings.Builder
	for _, region := range planRegions {
		about := metadata[region]
		code, trunk := strconv.Itoa(int(about.GetCountryCode())), trunkOf(about)
		fmt.Fprintf(&homes, "\t{region: %q, code: %s, abroad: %s, trunk: %s, longest: %d},\n", region,
			digitList(code), digitList(about.GetInternationalPrefix()), digitList(trunk), slices.Max(about.GetGeneralDesc().GetPossibleLength()))
		if !slices.ContainsFunc(m.plans, func(p *plan) bool { return p.code == code }) {
			p, err := newPlan(code, metadata)
			if err != nil {
				return nil, err
			}
			m.plans = append(m.plans, p)
		}
	}
	var beginnings [maxE164 + 1]block
	for length := range beginnings {
		if beginnings[length], err = m.beginning("", length); err != nil {
			return nil, err
		}
	}
	return m.source(homes.String(), beginnings)
}

func regionMetadata() (map[string]*phonenumbers.PhoneMetadata, error) {
	collection, err := phonenumbers.MetadataCollection()
	if err != nil {
		return nil, err
	}
	regions := make(map[string]*phonenumbers.PhoneMetadata)
	for _, about := range collection.GetMetadata() {
		regions[about.GetId()] = about
	}
	return regions, nil
}

// trunkOf returns the region's national prefix. A further one, such as Britain's
// 180020 for text relays, is longer than what may remain of a number.
func trunkOf(about *phonenumbers.PhoneMetadata) string {
	trunk, _, _ := strings.Cut(about.GetNationalPrefixForParsing(), "|")
	return trunk
}

func newPlan(code string, metadata map[string]*phonenumbers.PhoneMetadata) (*plan, error) {
	number, err := strconv.Atoi(code)
	if err != nil {
		return nil, err
	}
	regions := phonenumbers.GetRegionCodesForCountryCode(number)
	main := metadata[regions[0]]
	p := &plan{code: code, trunk: trunkOf(main), lengths: main.GetGeneralDesc().GetPossibleLength()}
	for _, region := range regions {
		about := metadata[region]
		for _, kind := range []*phonenumbers.PhoneNumberDesc{
			about.GetGeneralDesc(), about.GetFixedLine(), about.GetMobile(), about.GetTollFree(), about.GetPremiumRate(), about.GetSharedCost(),
			about.GetPersonalNumber(), about.GetVoip(), about.GetPager(), about.GetUan(), about.GetVoicemail(),
		} {
			if err := p.add(kind.GetNationalNumberPattern(), false); err != nil {
				return nil, err
			}
		}
		if leading := about.GetLeadingDigits(); leading != "" {
			if err := p.add(leading, true); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

// has tells whether the plan has numbers of so many digits, country code
// included.
func (p *plan) has(length int) bool {
	return length >= shortestE164 && slices.Contains(p.lengths, int32(length-len(p.code)))
}

func (p *plan) add(text string, leading bool) error {
	if slices.ContainsFunc(p.patterns, func(q *pattern) bool { return q.text == text && q.leading == leading }) {
		return nil
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return err
	}
	p.patterns = append(p.patterns, &pattern{text, leading, program})
	return nil
}

// beginning returns the block of numbers of one length whose first digits are
// within or at the end of a country code.
func (m *planMaker) beginning(read string, length int) (block, error) {
	for _, p := range m.plans {
		if read != p.code {
			continue
		}
		if !p.has(length) && (p.trunk == "" || !p.has(length-1)) {
			return askLibrary, nil
		}
		return m.national(p, read, length, p.start())
	}
	if !slices.ContainsFunc(m.plans, func(p *plan) bool { return len(read) < length && strings.HasPrefix(p.code, read) }) {
		return askLibrary, nil
	}
	return m.row(read, length, func(digit string) (block, error) { return m.beginning(read+digit, length) })
}

// national returns the block of numbers whose country code has been read.
func (m *planMaker) national(p *plan, read string, length int, places []string) (block, error) {
	key := fmt.Sprint(p.code, length, len(read), places)
	if made, known := m.byText[key]; known {
		return made, nil
	}
	made, err := m.nationalBlock(p, read, length, places)
	m.byText[key] = made
	return made, err
}

func (m *planMaker) nationalBlock(p *plan, read string, length int, places []string) (block, error) {
	if len(read) == length {
		return m.verdict(read)
	}
	return m.row(read, length, func(digit string) (block, error) {
		switch {
		case read == p.code && digit == p.trunk:
			return dropTrunk, nil
		case read == p.code && digit == "0", !p.has(length):
			return askLibrary, nil // A leading zero belongs to the number in some plans.
		}
		return m.national(p, read+digit, length, p.advance(places, rune(digit[0])))
	})
}

// verdict asks the library about a whole number.
func (m *planMaker) verdict(digits string) (block, error) {
	_, line, err := parseAny("+"+digits, "")
	if err != nil {
		return 0, fmt.Errorf("+%s: %w", digits, err)
	}
	place := slices.Index(m.lines[2:], line) + 2
	if place < 2 {
		place = len(m.lines)
		m.lines = append(m.lines, line)
	}
	return ^block(place), nil
}

// row makes a row, or finds an equal one; where all digits lead to the same line
// there is none to make.
func (m *planMaker) row(read string, length int, next func(digit string) (block, error)) (block, error) {
	var row [10]block
	for digit := range row {
		var err error
		if row[digit], err = next(strconv.Itoa(digit)); err != nil {
			return 0, err
		}
	}
	if row[0] < 0 && !slices.ContainsFunc(row[:], func(b block) bool { return b != row[0] }) {
		return row[0], nil
	}
	if made, known := m.byRow[row]; known {
		return made, nil
	}
	made := block(len(m.rows))
	if int(made) != len(m.rows) {
		return 0, fmt.Errorf("%d rows are too many", len(m.rows))
	}
	m.rows, m.names, m.byRow[row] = append(m.rows, row), append(m.names, fmt.Sprintf("+%s, %d digits", read, length)), made
	return made, nil
}

func (m *planMaker) source(homes string, beginnings [maxE164 + 1]block) ([]byte, error) {
	var text bytes.Buffer
	fmt.Fprintf(&text, "// Code generated by go test -run TestPlanTable -update; DO NOT EDIT.\n\npackage contact\n\n")
	fmt.Fprintf(&text, "var homes = [...]home{\n%s}\n\n", homes)
	fmt.Fprintf(&text, "var lines = [...]Line{\n^askLibrary: {},\n^dropTrunk: {},\n")
	for _, line := range m.lines[2:] {
		fmt.Fprintf(&text, "{%t, %s, %q},\n", line.Valid, lineTypeSource[line.Type], line.Region)
	}
	fmt.Fprintf(&text, "}\n\n// beginnings is where numbers of so many digits, country code included, begin.\nvar beginnings = [maxE164 + 1]block{%s}\n\n", list(beginnings[:]))
	fmt.Fprintf(&text, "// blocks leads from digit to digit; one of the beginnings that come there stands beside each row.\nvar blocks = [...][10]block{\n")
	for i, row := range m.rows {
		fmt.Fprintf(&text, "%d: {%s}, // %s\n", i, list(row[:]), m.names[i])
	}
	fmt.Fprintf(&text, "}\n")
	return format.Source(text.Bytes())
}

var lineTypeSource = [...]string{
	"LineUnknown", "Mobile", "Fixed", "FixedOrMobile", "TollFree", "PremiumRate", "SharedCost", "InternetLine", "PersonalNumber", "Pager", "CompanyNumber",
}

func list(of []block) string {
	words := make([]string, len(of))
	for i, b := range of {
		words[i] = strconv.Itoa(int(b))
	}
	return strings.Join(words, ", ")
}

func digitList(digits string) string {
	if digits == "" {
		return "nil"
	}
	return "[]byte{" + strings.Join(strings.Split(digits, ""), ", ") + "}"
}

// pattern is one of a plan's patterns. A leading one asks about the first digits
// only, the others about all.
type pattern struct {
	text    string
	leading bool
	program *syntax.Prog
}

func (p *plan) start() []string {
	places := make([]string, len(p.patterns))
	for i, q := range p.patterns {
		places[i] = q.closure([]uint32{uint32(q.program.Start)})
	}
	return places
}

func (p *plan) advance(places []string, digit rune) []string {
	next := make([]string, len(places))
	for i, q := range p.patterns {
		next[i] = q.advance(places[i], digit)
	}
	return next
}

// matched is the place of a leading pattern that has matched: no further digit
// matters.
const matched = "matched"

// advance returns the instructions, as a text, where the pattern stands after
// one more digit.
func (q *pattern) advance(place string, digit rune) string {
	if place == matched {
		return place
	}
	var next []uint32
	for field := range strings.FieldsSeq(place) {
		at, _ := strconv.ParseUint(field, 10, 32)
		if i := &q.program.Inst[at]; i.Op != syntax.InstMatch && i.MatchRune(digit) {
			next = append(next, i.Out)
		}
	}
	return q.closure(next)
}

// closure follows what needs no digit.
func (q *pattern) closure(open []uint32) string {
	seen := make(map[uint32]bool)
	var stands []int
	for len(open) > 0 {
		at := open[len(open)-1]
		open = open[:len(open)-1]
		if seen[at] {
			continue
		}
		seen[at] = true
		switch i := &q.program.Inst[at]; i.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			open = append(open, i.Out, i.Arg)
		case syntax.InstNop, syntax.InstCapture:
			open = append(open, i.Out)
		case syntax.InstMatch:
			if q.leading {
				return matched
			}
			stands = append(stands, int(at))
		case syntax.InstFail:
		case syntax.InstEmptyWidth:
			panic("a pattern of the plan has an anchor: " + q.text)
		default:
			stands = append(stands, int(at))
		}
	}
	slices.Sort(stands)
	return strings.Trim(fmt.Sprint(stands), "[]")
}
