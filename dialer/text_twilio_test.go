package dialer_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hustings/hustings/dialer"
)

// Ensure that texts are measured as Twilio's own calculator measures them.
// HUSTINGS_SEGMENTS names a folder where npm has installed
// sms-segments-calculator; .ci/nightly does.
func TestMeasureText_Twilio(t *testing.T) {
	folder := os.Getenv("HUSTINGS_SEGMENTS")
	if folder == "" {
		t.Skip("HUSTINGS_SEGMENTS names no folder with the npm package sms-segments-calculator")
	}
	const texts = 100_000
	random := rand.New(rand.NewPCG(2027, 4))
	var input bytes.Buffer
	drawn := make([]string, texts)
	for i := range drawn {
		drawn[i] = drawText(random)
		if err := json.NewEncoder(&input).Encode(drawn[i]); err != nil {
			t.Fatal(err)
		}
	}
	script, err := filepath.Abs("testdata/segments.js")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "node", script)
	command.Dir, command.Stdin, command.Stderr = folder, &input, os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("ask the calculator: %v", err)
	}
	answers := json.NewDecoder(bytes.NewReader(output))
	different, wide, long := 0, 0, 0
	for _, text := range drawn {
		var want struct {
			Encoding string
			Segments int
		}
		if err := answers.Decode(&want); err != nil {
			t.Fatalf("read the calculator's answer: %v", err)
		}
		got := dialer.MeasureText(text)
		if got.Encoding == "UCS-2" {
			wide++
		}
		if got.Segments > 1 {
			long++
		}
		if got.Encoding != want.Encoding || got.Segments != want.Segments {
			if different++; different <= 10 {
				t.Errorf("%q takes %d segments in %s, by Twilio's calculator %d in %s", text, got.Segments, got.Encoding, want.Segments, want.Encoding)
			}
		}
	}
	t.Logf("%d texts, %d in UCS-2, %d of several segments: %d are measured otherwise by Twilio's calculator", texts, wide, long, different)
}

// textParts are what the drawn texts are made of: what GSM-7 has once and twice,
// what people type, and what is seen as one character though it is several. A
// joiner behind what is no emoji is not among them: the calculator still keeps it
// together with what follows, as Unicode did until 2018.
var textParts = [][]string{
	strings.Split("abcdefghijklmnopqrstuvwxyzABC 0123456789.,:;!?'\"-/()@£$¥èéùìòÇØøÅåÆæßÉÄÖÑÜ§¿äöñüà_ΔΦΓΛΩΠΨΣΘΞ¡¤", ""),
	{"€", "[", "]", "{", "}", "~", "\\", "|", "^", "\f"},
	{"\n", "\r\n", "\r"},
	strings.Split("êçâîôûëïœŒÀÈ’‘“”«»–—…•°\u00a0\u202f", ""),
	{"日", "本", "д", "ж", "ש", "ع", "ไ", "あ", "한"},
	{"😀", "🛑", "👍", "🗳", "❤", "✅", "🎉"},
	{"👍🏽", "👨‍👩‍👧‍👦", "🇫🇷", "🇬🇧", "❤️", "1️⃣", "🏳️‍🌈", "👩🏿‍🚀"},
	{"e\u0301", "o\u0308", "c\u0327", "\u0301", "a\u0300\u0323", "각", "नि", "กำ", "\u200b"},
}

// drawText draws a text whose length is near what fits into some segments.
func drawText(random *rand.Rand) string {
	alphabets := []int{0}
	for i := range textParts {
		if random.IntN(3) == 0 {
			alphabets = append(alphabets, i)
		}
	}
	if random.IntN(2) == 0 { // as often as not, a text that GSM-7 has
		alphabets = alphabets[:1]
		for i := range 2 {
			alphabets = append(alphabets, random.IntN(i+2))
		}
	}
	ends := []int{1, 35, 67, 70, 134, 153, 160, 201, 306, 459, 612}
	units := max(0, ends[random.IntN(len(ends))]+random.IntN(9)-4)
	var text strings.Builder
	for n := 0; n < units; {
		parts := textParts[alphabets[random.IntN(len(alphabets))]]
		part := parts[random.IntN(len(parts))]
		text.WriteString(part)
		n += len([]rune(part))
	}
	return text.String()
}
