package store_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/hustings/hustings/consent/contact"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(storeRole); role != "" {
		os.Exit(play(role, os.Getenv(storeFolder)))
	}
	// The model tests wait for the disk; a longer run asks with -rapid.checks.
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m) // parses the flags, after which those given hold
}

// fictional returns the i-th of a million numbers: those that the French
// regulator keeps for fiction, 06 39 98 xx xx first, 01 99 00 xx xx next.
func fictional(tb testing.TB, i int) contact.Number {
	tb.Helper()
	text := fmt.Sprintf("+3363998%04d", i)
	if i >= 10_000 {
		text = fmt.Sprintf("+33199%06d", i-10_000)
	}
	number, err := contact.ParseE164(text)
	if err != nil {
		tb.Fatal(err)
	}
	return number
}
