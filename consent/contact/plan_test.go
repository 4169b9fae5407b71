package contact

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nyaruka/phonenumbers"
)

// writtenForms are the ways in which one number may stand in a list: region is
// where it is written, national its digits without the country code.
func writtenForms(region, code, national string) []string {
	trunk := ""
	if at := homeOf(region); len(at.trunk) > 0 {
		trunk = string('0' + rune(at.trunk[0]))
	}
	abroad := "00"
	if code == "1" {
		abroad = "011"
	}
	return []string{
		"+" + code + national,
		"+" + code + " (" + trunk + ") " + inPairs(national, " "),
		abroad + code + inPairs(national, "\u00a0"),
		trunk + national,
		trunk + inPairs(national, "."),
		" (" + trunk + national[:len(national)/2] + ")-" + national[len(national)/2:] + "/",
		national,
		code + national,
		code + " " + trunk + " " + national,
	}
}

func inPairs(digits, between string) string {
	var pairs []string
	for len(digits) > 2 {
		pairs, digits = append(pairs, digits[:2]), digits[2:]
	}
	return strings.Join(append(pairs, digits), between)
}

// sameAsLibrary compares one text's answer with the library's, and tells
// whether the table gave it.
func sameAsLibrary(t *testing.T, text, region string) bool {
	t.Helper()
	number, line, known := parsePlanned(text, region)
	if !known {
		return false
	}
	wantNumber, wantLine, err := parseAny(text, region)
	if err != nil || number != wantNumber || line != wantLine {
		t.Errorf("%q in %s: the table says %s %+v, the library %s %+v, %v", text, region, number.E164(), line, wantNumber.E164(), wantLine, err)
	}
	return true
}

// Ensure that the table says what the library says of every block of numbers in
// it. The short form takes one number from some of the blocks in one form; with
// HUSTINGS_NUMBERS=all each block is tried at its ends and in the middle, in
// every region and form.
func TestPlan_EveryBlock(t *testing.T) {
	t.Parallel()
	every, whole := 12, os.Getenv("HUSTINGS_NUMBERS") == "all"
	if whole {
		every = 1
	}
	random := rand.New(rand.NewPCG(1, 2))
	seen, tried := 0, 0
	for length := range beginnings {
		eachBlock(beginnings[length], "", func(read string) {
			if seen++; seen%every != 0 {
				return
			}
			for _, fill := range fills(length-len(read), whole, random) {
				tried += tryNumber(t, read+fill, whole, random)
			}
		})
	}
	t.Logf("%d blocks, %d texts compared", seen, tried)
	if seen < 10_000 || tried < 1_000 {
		t.Errorf("only %d blocks and %d texts", seen, tried)
	}
}

// eachBlock calls found with every beginning of numbers that leads to a line.
func eachBlock(at block, read string, found func(read string)) {
	if at < 0 {
		if at != askLibrary && at != dropTrunk {
			found(read)
		}
		return
	}
	for digit, next := range blocks[at] {
		eachBlock(next, read+string('0'+rune(digit)), found)
	}
}

func fills(digits int, whole bool, random *rand.Rand) []string {
	var drawn strings.Builder
	for range digits {
		drawn.WriteByte('0' + byte(random.IntN(10)))
	}
	if !whole {
		return []string{drawn.String()}
	}
	return []string{drawn.String(), strings.Repeat("0", digits), strings.Repeat("9", digits)}
}

// tryNumber compares a number as it is written in each region of its plan. At
// least the international form must not be handed over.
func tryNumber(t *testing.T, digits string, whole bool, random *rand.Rand) (tried int) {
	t.Helper()
	if !sameAsLibrary(t, "+"+digits, "") {
		t.Errorf("+%s is in the table, yet handed over", digits)
	}
	for i := range homes {
		code := codeOf(&homes[i])
		national, inside := strings.CutPrefix(digits, code)
		if !inside {
			continue
		}
		forms := writtenForms(homes[i].region, code, national)
		if !whole {
			forms = forms[random.IntN(len(forms)):][:1]
		}
		for _, text := range forms {
			sameAsLibrary(t, text, homes[i].region)
		}
		tried += len(forms)
		if !whole {
			break
		}
	}
	return tried
}

func codeOf(at *home) string {
	var code strings.Builder
	for _, digit := range at.code {
		code.WriteByte('0' + digit)
	}
	return code.String()
}

// Ensure that the table does not hide a block which the library divides: numbers
// whose first digits are tried one by one, without asking the table which
// blocks it has. The short form tries two digits, HUSTINGS_NUMBERS=all five.
func TestPlan_EveryBeginning(t *testing.T) {
	t.Parallel()
	depth, most := 2, 100
	if os.Getenv("HUSTINGS_NUMBERS") == "all" {
		depth, most = 5, 100_000
	}
	random := rand.New(rand.NewPCG(3, 4))
	tried := make(map[string]bool)
	for i := range homes {
		code := codeOf(&homes[i])
		if tried[code] {
			continue
		}
		tried[code] = true
		for length := depth; length <= homes[i].longest+1; length++ {
			for beginning := range most {
				rest := fills(length-depth, false, random)[0]
				sameAsLibrary(t, fmt.Sprintf("+%s%0*d%s", code, depth, beginning, rest), "")
			}
		}
	}
}

// Ensure that what stands in real lists is decided by the table: example numbers
// of every kind that the library has, in every usual form.
func TestPlan_HandsOverLittle(t *testing.T) {
	t.Parallel()
	kinds := []phonenumbers.PhoneNumberType{phonenumbers.MOBILE, phonenumbers.FIXED_LINE, phonenumbers.TOLL_FREE}
	for i := range homes {
		region := homes[i].region
		texts, handedOver := 0, 0
		for _, kind := range kinds {
			example := phonenumbers.GetExampleNumberForType(region, kind)
			if example == nil {
				continue
			}
			national := phonenumbers.GetNationalSignificantNumber(example)
			if national[0] == '0' {
				continue // New Caledonia has zeros that belong to the number; the library shall read them.
			}
			texts += 4
			for _, format := range []phonenumbers.PhoneNumberFormat{phonenumbers.E164, phonenumbers.INTERNATIONAL, phonenumbers.NATIONAL} {
				if !sameAsLibrary(t, phonenumbers.Format(example, format), region) {
					handedOver++
				}
			}
			if !sameAsLibrary(t, national, region) && !strings.HasPrefix(national, codeOf(&homes[i])) {
				handedOver++
			}
		}
		if texts == 0 || handedOver > 0 {
			t.Errorf("%s: %d of %d texts are handed over", region, handedOver, texts)
		}
	}
}

// Ensure that neither a text nor a row's bytes are copied to the heap.
func TestParse_Allocations(t *testing.T) {
	text, row := "06 39 98 00 01", []byte("+33 (0)6 39 98 00 01")
	if n := testing.AllocsPerRun(100, func() { _, _, _ = Parse(text, "FR") }); n != 0 {
		t.Errorf("a text allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { _, _, _ = Parse(row, "FR") }); n != 0 {
		t.Errorf("bytes allocate %v times", n)
	}
}

// FuzzPlan ensures that no text gets another answer from the table than from the
// library.
func FuzzPlan(f *testing.F) {
	for i := range homes {
		for _, text := range writtenForms(homes[i].region, codeOf(&homes[i]), "639980001") {
			f.Add(text, uint8(i))
		}
	}
	for _, text := range []string{"+1 1 202 555 0123", "011 33 6 39 98 00 01", "18002001", "+44 180020 20794600", "0049 030 5550", "+33 00639980001", "()", "+", "00", "+33-", "0", "++1", "1(202)5550123x"} {
		f.Add(text, uint8(0))
		f.Add(text, uint8(1))
	}
	f.Fuzz(func(t *testing.T, text string, place uint8) {
		sameAsLibrary(t, text, homes[int(place)%len(homes)].region)
	})
}

// BenchmarkParse tells how many times faster the table is than the library.
func BenchmarkParse(b *testing.B) {
	for _, test := range []struct{ name, text, region string }{
		{"E164", "+33639980001", "FR"},
		{"national", "06 39 98 00 01", "FR"},
		{"trunk", "+33 (0)1 99 00 12 34", "FR"},
		{"NANP", "(202) 555-0123", "US"},
		{"GB", "020 7946 0018", "GB"},
	} {
		b.Run(test.name, func(b *testing.B) {
			const asked = 200
			_, _, _ = parseAny(test.text, test.region) // compiles its expressions
			started := time.Now()
			for range asked {
				_, _, _ = parseAny(test.text, test.region)
			}
			library := time.Since(started).Seconds() / asked
			row := []byte(test.text)
			b.ReportAllocs()
			for b.Loop() {
				_, _, _ = Parse(row, test.region)
			}
			b.ReportMetric(library/(b.Elapsed().Seconds()/float64(b.N)), "times-the-library")
		})
	}
}
