package configs

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Size is a number of bytes, written with a unit: 256MiB, 4GiB.
type Size uint64

// MiB is 1,048,576 bytes.
const MiB Size = 1 << 20

var sizeUnits = []struct {
	name  string
	bytes Size
}{{"KiB", 1 << 10}, {"MiB", MiB}, {"GiB", 1 << 30}, {"TiB", 1 << 40}}

// UnmarshalText reads a size. A number without a unit is refused unless it is
// 0, since nobody can tell what was meant.
func (s *Size) UnmarshalText(text []byte) error {
	wrong := fmt.Errorf("%q is no size: want a whole number with a unit, such as 512KiB, 256MiB or 4GiB", text)
	for _, unit := range sizeUnits {
		digits, found := strings.CutSuffix(string(text), unit.name)
		if !found {
			continue
		}
		number, err := strconv.ParseUint(strings.TrimSuffix(digits, " "), 10, 64)
		if err != nil || number > math.MaxUint64/uint64(unit.bytes) {
			return wrong
		}
		*s = Size(number) * unit.bytes
		return nil
	}
	if string(text) != "0" {
		return wrong
	}
	*s = 0
	return nil
}

// String writes the size in the greatest unit in which it has no more than one
// place behind the point.
func (s Size) String() string {
	for _, unit := range slices.Backward(sizeUnits) {
		if s >= unit.bytes {
			return strconv.FormatFloat(math.Floor(10*float64(s)/float64(unit.bytes))/10, 'f', -1, 64) + " " + unit.name
		}
	}
	return strconv.FormatUint(uint64(s), 10) + " bytes"
}
