package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"html"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// outline is what a page is made of.
type outline struct {
	elements map[string]int
	ids      map[string]int
	labels   []string // IDs that aria-labelledby names
	links    []string
	headings []string
	text     string
}

// parsePage reads a page strictly, as XML with HTML's entities: every element closed, every attribute quoted, once.
func parsePage(t *testing.T, document []byte) outline {
	t.Helper()
	page := outline{elements: map[string]int{}, ids: map[string]int{}}
	decoder := xml.NewDecoder(bytes.NewReader(document))
	decoder.Entity = xml.HTMLEntity
	var text strings.Builder
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			page.text = text.String()
			return page
		}
		if err != nil {
			t.Fatal(err)
		}
		switch node := token.(type) {
		case xml.CharData:
			text.Write(node)
		case xml.StartElement:
			name := node.Name.Local
			page.elements[name]++
			if len(name) == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6' {
				page.headings = append(page.headings, name)
			}
			page.attributes(t, node)
		}
	}
}

func (o *outline) attributes(t *testing.T, node xml.StartElement) {
	t.Helper()
	seen := map[string]bool{}
	for _, attribute := range node.Attr {
		name := attribute.Name.Local
		if seen[name] {
			t.Errorf("<%s> has %s twice", node.Name.Local, name)
		}
		seen[name] = true
		switch {
		case name == "id":
			o.ids[attribute.Value]++
		case name == "aria-labelledby", name == "aria-describedby":
			o.labels = append(o.labels, strings.Fields(attribute.Value)...)
		case name == "href":
			o.links = append(o.links, attribute.Value)
		case name == "src", name == "srcset", name == "style", name == "action", strings.HasPrefix(name, "on"):
			t.Errorf("<%s> has %s", node.Name.Local, name)
		}
	}
}

// Ensure that the page is sound and alone: no script, no request to anywhere, links only within itself, headings in order, a title
// and a description and a table for each chart.
func TestRender_HTML_SoundAndAlone(t *testing.T) {
	t.Parallel()
	for name, golden := range goldenCases(t) {
		document := mustRender(t, golden.heading, golden.figures).HTML
		page := parsePage(t, document)
		for _, element := range []string{"script", "link", "img", "iframe", "object", "embed", "form", "base", "video", "audio"} {
			if page.elements[element] != 0 {
				t.Errorf("%s has <%s>", name, element)
			}
		}
		for _, word := range []string{"http:", "https:", "//", "url(", "@import", "javascript", "ZgotmplZ"} {
			if bytes.Contains(document, []byte(word)) {
				t.Errorf("%s has %s", name, word)
			}
		}
		for id, count := range page.ids {
			if count != 1 {
				t.Errorf("%s has the ID %s %d times", name, id, count)
			}
		}
		for _, label := range page.labels {
			if page.ids[label] == 0 {
				t.Errorf("%s refers to %s, which is nowhere", name, label)
			}
		}
		for _, link := range page.links {
			if !strings.HasPrefix(link, "#") || page.ids[link[1:]] == 0 {
				t.Errorf("%s links to %s", name, link)
			}
		}
		level := byte('0')
		for _, heading := range page.headings {
			if heading[1] > level+1 {
				t.Errorf("%s jumps from h%c to %s", name, level, heading)
			}
			level = heading[1]
		}
		if page.elements["h1"] != 1 || page.elements["table"] != 2 || page.elements["caption"] != 2 || page.elements["desc"] != 2 {
			t.Errorf("%s: elements %v", name, page.elements)
		}
	}
}

// Ensure that both languages say who, when, how many and how sure, each in its own writing.
func TestRender_HTML_BothLanguages(t *testing.T) {
	t.Parallel()
	golden := goldenCases(t)["completed"]
	page := parsePage(t, mustRender(t, golden.heading, golden.figures).HTML)
	for _, expected := range []string{
		"Parti de l’Été & des Âges", "fr-2027-r1-idf-sms-01", "FR-PRES-2027-R1", "12\u202f500", "12,500",
		"1er\u00a0mars\u00a02027", "13\u00a0mars\u00a02027", "15\u00a0mars\u00a02027 à 05:00 UTC",
		"1\u00a0March\u00a02027", "13\u00a0March\u00a02027", "15\u00a0March\u00a02027, 05:00 UTC",
		"menée à son terme", "ran to completion", "± 9", "0,45 par chiffre", "0.45 per figure", "2,46", "2.46", golden.heading.KeyID,
	} {
		if !strings.Contains(page.text, expected) {
			t.Errorf("the page lacks %q", expected)
		}
	}
}

// Ensure that a sandbox report says so in its title, on top, in both headings, tables and charts, and that a real one never does.
func TestRender_HTML_Sandbox(t *testing.T) {
	t.Parallel()
	for name, golden := range goldenCases(t) {
		document := mustRender(t, golden.heading, golden.figures).HTML
		expected := 0
		if golden.heading.Sandbox {
			expected = 8
		}
		if got := bytes.Count(document, []byte("SANDBOX")); got != expected {
			t.Errorf("%s says SANDBOX %d times", name, got)
		}
	}
}

// Ensure that an ending that depends on people is named before the figures, in both languages, and others are not.
func TestRender_HTML_Ending(t *testing.T) {
	t.Parallel()
	for _, ending := range Endings() {
		heading := testHeading()
		heading.Ending = ending
		heading.Size = 1000
		document := mustRender(t, heading, testFigures(t, Counts{Reached: 1000})).HTML
		page := parsePage(t, document)
		for _, language := range []words{french(), english()} {
			words := language.endings[ending]
			if words.name == "" || !strings.Contains(page.text, words.name) {
				t.Errorf("%s: %q is not told", ending, words.name)
			}
			if words.promise == "" || strings.Count(page.text, words.promise) != 1 {
				t.Errorf("%s: %q stands %d times", ending, words.promise, strings.Count(page.text, words.promise))
			}
		}
		warnings := bytes.Count(document, []byte(`<p class="warning"`))
		if (warnings == 2) != ending.DependsOnPeople() {
			t.Errorf("%s has %d warnings", ending, warnings)
		}
	}
}

// Ensure that each language has every word: a channel, class or ending added later must not print as nothing.
func TestWords_Complete(t *testing.T) {
	t.Parallel()
	for _, language := range []words{french(), english()} {
		for _, channel := range channels() {
			if language.channels[channel] == "" {
				t.Errorf("%s has no word for %s", language.lang, channel)
			}
		}
		for _, class := range (Figures{}).classes() {
			if language.classes[class.name].name == "" || language.classes[class.name].meaning == "" {
				t.Errorf("%s has no word for %s", language.lang, class.name)
			}
		}
		for month := time.January; month <= time.December; month++ {
			if language.day(time.Date(2027, month, 2, 0, 0, 0, 0, time.UTC)) == "" || language.months[month-1] == "" {
				t.Errorf("%s has no word for %s", language.lang, month)
			}
		}
	}
}

// canaries are names made to break out of a rendering. Each has a word of its own, so that it can be told where it went.
var canaries = []string{
	`canary</title></h1><script>alert(1)</script>`,
	`canary"><img src=x onerror=alert(1)>`,
	`canary' autofocus onfocus=alert(1) x='`,
	`{{.KeyID}} canary <!-- & &lt;`,
	`canary]]></style><style>*{display:none}</style>`,
	`javascript:canary`,
	`canary","classes":{"reached":1},"x":"`,
	`canary\u0022,\u0022reached\u0022:1`,
	`=HYPERLINK("h"&"ttp:canary")`,
	`@canary;=1+1;+2|-3`,
	`canary,7,7,7`,
	`canary\canary"`,
}

// Ensure that a name made to break a rendering only shows itself, in whichever place and rendering: the page has no other element
// than it always has, the object no other member and the table no other cell.
func TestRender_Canaries(t *testing.T) {
	t.Parallel()
	golden := goldenCases(t)["completed"]
	plain := parsePage(t, mustRender(t, golden.heading, golden.figures).HTML)
	for _, canary := range canaries {
		for place, put := range map[string]func(*Heading){
			"campaign":   func(h *Heading) { h.Campaign = canary },
			"party":      func(h *Heading) { h.Party = canary },
			"party name": func(h *Heading) { h.PartyName = canary },
			"round":      func(h *Heading) { h.Round = canary },
			"election":   func(h *Heading) { h.Election = canary },
		} {
			heading := golden.heading
			put(&heading)
			document := mustRender(t, heading, golden.figures)
			page := parsePage(t, document.HTML)
			if diff := cmp.Diff(plain.elements, page.elements); diff != "" {
				t.Errorf("%s %q: other elements: %s", place, canary, diff)
			}
			if place != "party" && !strings.Contains(page.text, canary) { // the page shows a party's name, and not its ID
				t.Errorf("%s %q is not shown as it is", place, canary)
			}
			checkObject(t, heading, golden.figures, document.JSON)
			checkTable(t, heading, document.CSV)
		}
	}
}

// checkObject fails unless the object is exactly the heading and the figures.
func checkObject(t *testing.T, heading Heading, figures Figures, object []byte) {
	t.Helper()
	var got struct{ Campaign, Party, Round string }
	if err := json.Unmarshal(object, &got); err != nil {
		t.Fatal(err)
	}
	if got.Campaign != heading.Campaign || got.Party != heading.Party || got.Round != heading.Round {
		t.Errorf("the object says %q, %q, %q", got.Campaign, got.Party, got.Round)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil || len(members) != 11 {
		t.Errorf("the object has %d members: %v", len(members), err)
	}
	classes, err := json.Marshal(figures)
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, members["classes"]); err != nil || compact.String() != string(classes) {
		t.Errorf("the classes are %s, not %s: %v", compact.String(), classes, err)
	}
}

// checkTable fails unless the table has five rows of the known columns, none of which a spreadsheet would run.
func checkTable(t *testing.T, heading Heading, table []byte) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(table)).ReadAll()
	if err != nil || len(rows) != 5 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	for _, row := range rows[1:] {
		if row[1] != csvCell(heading.Campaign) || row[2] != csvCell(heading.Party) || row[3] != csvCell(heading.Round) {
			t.Errorf("the row is %q", row)
		}
		for _, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@") {
				t.Errorf("%q is a formula", cell)
			}
		}
	}
}

// Ensure that numbers and lengths are written right.
func TestWords_Number(t *testing.T) {
	t.Parallel()
	for value, expected := range map[uint64]string{0: "0", 40: "40", 999: "999", 1000: "1,000", 28_000_000: "28,000,000"} {
		if got := english().number(value); got != expected {
			t.Errorf("%d: %s", value, got)
		}
	}
	for part, expected := range map[uint64]string{0: "0.00%", 2: "0.01%", 6250: "50.00%", 12_500: "100.00%"} {
		if got := share(part, 12_500); got != expected {
			t.Errorf("share of %d: %s", part, got)
		}
	}
}

// Ensure that the commands that the page gives its reader do check the signature: they run here as they stand on the page.
func TestRender_HTML_CommandsCheckTheSignature(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"sh", "openssl", "sha256sum", "base64", "cut", "tail"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	golden := goldenCases(t)["completed"]
	document := mustRender(t, golden.heading, golden.figures)
	signatures, err := document.Sign(testKey())
	if err != nil {
		t.Fatal(err)
	}
	public, err := MarshalPublicKey(testKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile(`(?s)<pre><code>(.*?)</code></pre>`).FindAllSubmatch(document.HTML, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of commands", len(blocks))
	}
	for index, names := range [][2]string{{"clef.pem", "rapport.html"}, {"key.pem", "report.html"}} {
		directory := t.TempDir()
		for name, content := range map[string][]byte{
			names[0]: public, names[1]: document.HTML, names[1] + ".sig": signatures.HTML,
		} {
			if err := os.WriteFile(filepath.Join(directory, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}

		command := exec.CommandContext(t.Context(), "sh", "-e", "-c", html.UnescapeString(string(blocks[index][1])))
		command.Dir = directory
		output, err := command.CombinedOutput()
		expected := testKey().KeyID() + "\nSignature Verified Successfully\n"
		if err != nil || string(output) != expected {
			t.Errorf("%s: %v\n%s", names[1], err, output)
		}
	}
}
