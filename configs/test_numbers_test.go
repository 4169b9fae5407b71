package configs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hustings/hustings/consent/contact"
)

const soundTestNumbers = `test:
  - {name: head-office, number: "+33639980001", territory: FR-75}
  - {name: press-2, number: "+33639980002", territory: FR-974}
seed:
  - {name: seed-1, number: "+33639980003", territory: FR-75}
`

// writeTestNumbers writes a dialerd.yaml and the test numbers that it names.
func writeTestNumbers(t *testing.T, text string, mode os.FileMode) (settings, numbers string) {
	t.Helper()
	folder := t.TempDir()
	settings, numbers = filepath.Join(folder, "dialerd.yaml"), filepath.Join(folder, "numbers.yaml")
	if err := errors.Join(
		os.WriteFile(settings, []byte("test_numbers: numbers.yaml\n"), 0o600),
		os.WriteFile(numbers, []byte(text), 0o600), os.Chmod(numbers, mode),
	); err != nil {
		t.Fatal(err)
	}
	return settings, numbers
}

// Ensure that the phones are read with what rules need to know of them, and that
// there are none where no file is named.
func TestConfig_LoadTestNumbers(t *testing.T) {
	t.Parallel()
	settings, _ := writeTestNumbers(t, soundTestNumbers, 0o600)
	config, err := Load(settings)
	if err != nil {
		t.Fatal(err)
	}
	phones, err := config.LoadTestNumbers()
	if err != nil || len(phones) != 3 || !phones[2].Seed {
		t.Fatalf("read %v, %v", phones, err)
	}
	if p := phones[1]; p.Name != "press-2" || p.Number.E164() != "+33639980002" || p.Line != contact.Mobile || p.Territory.Code != "FR-974" || p.Seed {
		t.Errorf("read %+v", p)
	}
	if phones, err := Defaults("").LoadTestNumbers(); len(phones) != 0 || err != nil {
		t.Errorf("without a file: %v, %v", phones, err)
	}
}

// Ensure that a file which others can read is refused, by check, too, and that
// nothing which is told of any file holds a number.
func TestReadTestNumbers_Refuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"the group can read it":  {soundTestNumbers, 0o640, "others can use this file (mode 0640)"},
		"everybody can write it": {soundTestNumbers, 0o602, "others can use this file (mode 0602)"},
		"too many":               {"test:\n" + strings.Repeat("  - {name: a, number: \"+33639980001\", territory: FR-75}\n", 21), 0o600, "there are 21 phones, 20 at most"},
		"in both lists":          {soundTestNumbers + "  - {name: other, number: \"+33639980001\", territory: FR-75}\n", 0o600, "the number stands there twice: see test[0].number on line 2"},
		"a name in both lists":   {soundTestNumbers + "  - {name: press-2, number: \"+33639980004\", territory: FR-75}\n", 0o600, "seed[1].name"},
		"not in E.164":           {"test:\n  - {name: a, number: 0639980001, territory: FR-75}\n", 0o600, ":2:23: test[0].number"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings, numbers := writeTestNumbers(t, c.text, c.mode)
			_, err := ReadTestNumbers(numbers)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			var printed strings.Builder
			if faults, err := Check(settings, &printed); faults == 0 || err != nil || !strings.Contains(printed.String(), c.want) {
				t.Errorf("check found %d faults, %v:\n%s", faults, err, &printed)
			}
			if told := err.Error() + printed.String(); strings.Contains(told, "63998") {
				t.Errorf("a number is told: %s", told)
			}
		})
	}
}

// Ensure that check tells that the phones' file is sound.
func TestCheck_TestNumbers(t *testing.T) {
	t.Parallel()
	settings, _ := writeTestNumbers(t, soundTestNumbers, 0o600)
	var printed strings.Builder
	if faults, err := Check(settings, &printed); faults != 0 || err != nil || !strings.Contains(printed.String(), "numbers.yaml: ok") {
		t.Errorf("check found %d faults, %v:\n%s", faults, err, &printed)
	}
}
