package contact

import (
	"fmt"

	"github.com/nyaruka/phonenumbers"
)

// Line is what a number tells about the line behind it. It is derived once, at
// import, so that no rule ever needs the number.
type Line struct {
	// Valid tells whether the numbering plan has such a number.
	Valid bool
	// Type is the kind of line.
	Type LineType
	// Region is the ISO 3166 code of the country or overseas territory whose
	// numbering plan the number belongs to; empty where it is none's alone.
	Region string
}

// LineType is the kind of line that a number stands for.
type LineType uint8

// The kinds of line. A rule that asks for a mobile is satisfied by Mobile and
// by FixedOrMobile, since the plan cannot tell the two apart there.
const (
	LineUnknown LineType = iota
	Mobile
	Fixed
	FixedOrMobile
	TollFree
	PremiumRate
	SharedCost
	InternetLine
	PersonalNumber
	Pager
	CompanyNumber
)

var lineTypeNames = [...]string{
	LineUnknown: "unknown", Mobile: "mobile", Fixed: "landline", FixedOrMobile: "fixed_or_mobile",
	TollFree: "toll_free", PremiumRate: "premium_rate", SharedCost: "shared_cost",
	InternetLine: "voip", PersonalNumber: "personal_number", Pager: "pager", CompanyNumber: "company_number",
}

// String returns the kind's name.
func (t LineType) String() string {
	if int(t) < len(lineTypeNames) {
		return lineTypeNames[t]
	}
	return fmt.Sprintf("line type %d", uint8(t))
}

// TakesText tells whether an SMS can reach such a line.
func (t LineType) TakesText() bool { return t == Mobile || t == FixedOrMobile }

// ParseLineType reads a kind's name.
func ParseLineType(name string) (LineType, error) {
	for t, n := range lineTypeNames {
		if n == name {
			return LineType(t), nil
		}
	}
	return LineUnknown, fmt.Errorf("line type %q is not known", name)
}

var lineTypes = map[phonenumbers.PhoneNumberType]LineType{
	phonenumbers.MOBILE: Mobile, phonenumbers.FIXED_LINE: Fixed, phonenumbers.FIXED_LINE_OR_MOBILE: FixedOrMobile,
	phonenumbers.TOLL_FREE: TollFree, phonenumbers.PREMIUM_RATE: PremiumRate, phonenumbers.SHARED_COST: SharedCost,
	phonenumbers.VOIP: InternetLine, phonenumbers.PERSONAL_NUMBER: PersonalNumber, phonenumbers.PAGER: Pager,
	phonenumbers.UAN: CompanyNumber, phonenumbers.VOICEMAIL: CompanyNumber, phonenumbers.UNKNOWN: LineUnknown,
}

// fictional tells whether n lies in a range that the French regulator keeps
// for works of fiction (ARCEP, decision 2018-0881: 06 39 98 and the geographic
// ranges below). The plan's library calls the mobile range invalid, yet
// samples, demos and tests need mobiles that can belong to nobody.
func (n Number) fictional() (LineType, bool) {
	switch n.digits / 10_000 {
	case 33_63998:
		return Mobile, true
	case 33_19900, 33_26191, 33_35301, 33_46571, 33_53649:
		return Fixed, true
	default:
		return LineUnknown, false
	}
}
