package sandbox

import (
	"strings"
	"unicode/utf16"

	"github.com/clipperhouse/uax29/v2/graphemes"
)

// Sizes of segments: alone, or as a part of several.
const (
	septetsAlone, septetsPart = 160, 153
	unitsAlone, unitsPart     = 70, 67
)

// The alphabet of GSM 03.38: one septet each, and two for the extension.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtension = "\f^{}\\[~]|€"
)

// septets is the cost of each character of the GSM alphabet.
var septets = func() map[rune]int {
	costs := map[rune]int{}
	for _, char := range gsmBasic {
		costs[char] = 1
	}
	for _, char := range gsmExtension {
		costs[char] = 2
	}
	return costs
}()

// smartEncoding maps what word processors write to what the GSM alphabet has.
// Twilio's own table is longer.
var smartEncoding = strings.NewReplacer(
	"‘", "'", "’", "'", "“", "\"", "”", "\"", "«", "\"", "»", "\"",
	"–", "-", "—", "-", "…", "...", "\u00a0", " ", "\u202f", " ", "\u2009", " ",
)

// countSegments returns the number of segments that a text takes up, at least 1.
func countSegments(body string) int {
	total, count, used := 0, 1, 0
	for _, char := range body {
		cost, found := septets[char]
		if !found {
			return countWideSegments(body)
		}
		total += cost
		// An escape and its character stay together.
		if used += cost; used > septetsPart {
			count, used = count+1, cost
		}
	}
	if total <= septetsAlone {
		return 1
	}
	return count
}

// countWideSegments counts a text that needs UCS-2.
func countWideSegments(body string) int {
	total, count, used := 0, 1, 0
	put := func(cost int) {
		total += cost
		if used += cost; used > unitsPart {
			count, used = count+1, cost
		}
	}
	for seen := graphemes.FromString(body); seen.Next(); {
		// What is seen as one stays together if it can.
		if cost := len(utf16.Encode([]rune(seen.Value()))); cost <= unitsPart && seen.Value() != "\r\n" {
			put(cost)
			continue
		}
		for _, char := range seen.Value() {
			put(utf16.RuneLen(char))
		}
	}
	if total <= unitsAlone {
		return 1
	}
	return count
}
