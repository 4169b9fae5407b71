package contact

import (
	"bytes"
	"testing"
)

// Ensure that a person's pseudonym hangs on key and reference, is nobody's
// without a reference, and is never that of a number.
func TestIDKey_Person(t *testing.T) {
	t.Parallel()
	key, err := NewIDKey(bytes.Repeat([]byte{7}, IDKeySize))
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewIDKey(bytes.Repeat([]byte{8}, IDKeySize))
	if err != nil {
		t.Fatal(err)
	}
	number, err := ParseE164("+33639980001")
	if err != nil {
		t.Fatal(err)
	}
	one := key.Person([]byte("4711"))
	switch {
	case one.IsZero() || one != key.Person([]byte("4711")):
		t.Error("a reference has no pseudonym of its own")
	case one == key.Person([]byte("4712")) || one == other.Person([]byte("4711")):
		t.Error("two references, or two keys, have the same pseudonym")
	case !key.Person(nil).IsZero():
		t.Error("no reference is somebody")
	case key.Person([]byte(number.E164())).ID() == key.ID(number):
		t.Error("a reference that looks like a number has the number's pseudonym")
	}
}
