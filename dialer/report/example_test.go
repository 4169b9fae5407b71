package report_test

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/hustings/hustings/dialer/report"
)

// A closed campaign's exact counts become a signed report; the party checks it with the broker's public key.
func Example() {
	key, err := report.GenerateSigningKey()
	if err != nil {
		fmt.Println(err)
		return
	}
	truth := report.Counts{Reached: 7912, NotReached: 2231, NotContacted: 2297, Unknown: 60}
	figures, err := report.Draw(rand.Reader, truth)
	if err != nil {
		fmt.Println(err)
		return
	}
	document, err := report.Render(report.Heading{
		Campaign: "fr-2027-r1-sms-01", Party: "party-a", PartyName: "Party A", Round: "FR-PRES-2027-R1",
		Election: "Élection présidentielle 2027", Channel: "sms", Size: figures.Size(),
		StartedAt:  time.Date(2027, time.March, 1, 8, 0, 0, 0, time.UTC),
		ClosedAt:   time.Date(2027, time.March, 12, 19, 0, 0, 0, time.UTC),
		ReleasedAt: time.Date(2027, time.March, 14, 5, 0, 0, 0, time.UTC),
		Ending:     report.EndingCompleted, KeyID: key.KeyID(),
	}, figures)
	if err != nil {
		fmt.Println(err)
		return
	}
	signatures, err := document.Sign(key)
	if err != nil {
		fmt.Println(err)
		return
	}

	fmt.Println(report.Verify(key.Public(), document.JSON, signatures.JSON))
	fmt.Println(report.Verify(key.Public(), append(document.JSON, ' '), signatures.JSON))
	// Output:
	// <nil>
	// verify document: the document was changed, or this key did not sign it
}
