package daemon

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// needles are the forms in which phone numbers could lie about: as people and
// programs write them, and as hashes that anybody can compute again.
type needles struct {
	// byHead holds the forms by their first eight bytes; sieve has a bit for
	// each head, so that almost every place is passed over at once.
	byHead map[uint64][]needle
	sieve  [1 << 18]uint64
	count  int
}

type needle struct {
	form string
	text []byte
	// digits tells that the form is not the number where further digits stand
	// beside it.
	digits bool
}

const headSize = 8

func (n *needles) add(form string, text []byte) {
	head := binary.LittleEndian.Uint64(text)
	if n.byHead == nil {
		n.byHead = map[uint64][]needle{}
	}
	digits := strings.HasPrefix(form, "digits")
	n.byHead[head] = append(n.byHead[head], needle{form, text, digits})
	n.sieve[sieveOf(head)>>6] |= 1 << (sieveOf(head) & 63)
	n.count++
}

func sieveOf(head uint64) uint64 { return head * 0x9e3779b97f4a7c15 >> 40 }

// addPlain adds the number as it is written, in every spelling and encoding;
// e164 is such as +33639980001.
func (n *needles) addPlain(e164 string) {
	plain, national := strings.TrimPrefix(e164, "+"), "0"+strings.TrimPrefix(e164, "+33")
	core := national[1:]
	n.add("digits, E.164", []byte(plain))
	n.add("digits, national", []byte(national))
	for _, separator := range []string{" ", ".", "-", "/", "\u00a0"} {
		n.add("in groups", []byte(core[:1]+strings.Join([]string{"", core[1:3], core[3:5], core[5:7], core[7:]}, separator)))
	}
	// Either order of UTF-16 has a zero byte between any two digits.
	n.add("UTF-16", []byte(strings.Join(strings.Split(core, ""), "\x00")))
	n.add("hexadecimal", []byte(hex.EncodeToString([]byte(core))))
	for _, text := range []string{plain, national} {
		for shift := range 3 {
			n.add("base64", base64Within(text, shift))
		}
	}
	// With its country's code: without it four of the eight bytes are zeros, and
	// the other four stand somewhere in so many keyed hashes by chance.
	value, _ := strconv.ParseUint(plain, 10, 64)
	n.add("hexadecimal integer", []byte(fmt.Sprintf("%#x", value)))
	n.add("integer", binary.BigEndian.AppendUint64(nil, value))
	n.add("integer", binary.LittleEndian.AppendUint64(nil, value))
}

// base64Within returns what base64 of any text has in common that holds this
// text after so many bytes, counted modulo three.
func base64Within(text string, shift int) []byte {
	padded := strings.Repeat("x", shift) + text
	encoded := base64.RawStdEncoding.EncodeToString([]byte(padded))
	from := (shift*8 + 5) / 6 // characters that the bytes before have a part in
	to := len(padded) * 8 / 6 // characters that the bytes after have no part in
	return []byte(encoded)[from:to]
}

// addHashes adds what anybody can compute from the number without our key.
func (n *needles) addHashes(e164 string) {
	for _, text := range []string{e164, strings.TrimPrefix(e164, "+"), "0" + strings.TrimPrefix(e164, "+33")} {
		sum5, sum1, sum256 := md5.Sum([]byte(text)), sha1.Sum([]byte(text)), sha256.Sum256([]byte(text))
		for form, sum := range map[string][]byte{"MD5": sum5[:], "SHA-1": sum1[:], "SHA-256": sum256[:]} {
			digits := hex.EncodeToString(sum)
			n.add(form, sum)
			n.add(form+" in hexadecimal", []byte(digits))
			n.add(form+" in hexadecimal", []byte(strings.ToUpper(digits)))
			n.add(form+" in base64", []byte(base64.RawStdEncoding.EncodeToString(sum)))
			n.add(form+" in base64", []byte(base64.RawURLEncoding.EncodeToString(sum)))
		}
	}
}

// in returns the forms that stand in the content, the first ones at least. A single
// integer is none: half of its bytes are a small count's, of which there are many, and
// the others stand behind one by chance in a run of a thousand. Whoever writes numbers
// so writes more than one.
func (n *needles) in(content []byte) []string {
	found := n.all(content)
	integer := func(form string) bool { return form == "integer" }
	if at := slices.IndexFunc(found, integer); at >= 0 && !slices.ContainsFunc(found[at+1:], integer) {
		found = slices.Delete(found, at, at+1)
	}
	return found
}

func (n *needles) all(content []byte) []string {
	var found []string
	for at := 0; at+headSize <= len(content) && len(found) < 10; at++ {
		head := binary.LittleEndian.Uint64(content[at:])
		if place := sieveOf(head); n.sieve[place>>6]&(1<<(place&63)) == 0 {
			continue
		}
		for _, candidate := range n.byHead[head] {
			if !bytes.HasPrefix(content[at:], candidate.text) {
				continue
			}
			end := at + len(candidate.text)
			if candidate.digits && (at > 0 && isDigit(content[at-1]) || end < len(content) && isDigit(content[end])) {
				continue
			}
			found = append(found, candidate.form)
		}
	}
	return found
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
