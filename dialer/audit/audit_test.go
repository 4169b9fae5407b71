package audit

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

var (
	someSeed    = bytes.Repeat([]byte{7}, 32)
	someInstant = time.Date(2027, time.March, 9, 9, 0, 0, 0, time.UTC)
)

func newTestKey(t interface{ Fatal(...any) }, origin string) Key {
	key, err := NewKey(origin, someSeed)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// invent makes a log of so many entries.
func invent(n int) []Entry {
	entries := make([]Entry, n)
	for i := range entries {
		text := fmt.Appendf(nil, "entry %d", i+1)
		entries[i] = Entry{Sequence: uint64(i + 1), Leaf: sha256.Sum256(text), Text: text}
	}
	return entries
}

// grown is the tree over entries.
func grown(entries []Entry) *Tree {
	tree := new(Tree)
	for _, entry := range entries {
		tree.Add(entry.Leaf)
	}
	return tree
}

// at is the checkpoint of a tree.
func at(tree *Tree, year int, minutes int) Checkpoint {
	return Checkpoint{
		Origin: "here", Year: year, Size: tree.Size(), Root: tree.Root(), At: someInstant.Add(time.Duration(minutes) * time.Minute),
	}
}

func leavesOf(entries []Entry) Leaves {
	return func(from, to int64) iter.Seq[Leaf] {
		return func(yield func(Leaf) bool) {
			for _, entry := range entries[min(from, int64(len(entries))):min(to, int64(len(entries)))] {
				if !yield(entry.Leaf) {
					return
				}
			}
		}
	}
}

// Ensure that the tree is the one of RFC 6962 at every size, as the library that it
// follows works it out, and that every entry's proof holds there and nowhere else.
func TestTree(t *testing.T) {
	t.Parallel()
	const most = 70
	entries, key := invent(most), newTestKey(t, "here")
	var tree Tree
	for n := range entries {
		tree.Add(entries[n].Leaf)
		size := int64(n + 1)
		want, err := tlog.TreeHash(size, leavesOf(entries))
		if err != nil || tree.Root() != want || tree.Size() != size {
			t.Fatalf("the root over %d leaves is %v, want %v (%v)", size, tree.Root(), want, err)
		}
		checkpoint := at(&tree, 2027, n)
		signed, err := key.Sign(checkpoint)
		if err != nil {
			t.Fatal(err)
		}
		for i := range size {
			proof, err := Prove(entries[i], i, checkpoint, signed, leavesOf(entries))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := proof.Check(key.Verifier()); err != nil || got != checkpoint {
				t.Fatalf("the proof of entry %d of %d: %+v, %v", i+1, size, got, err)
			}
			elsewhere := *proof
			elsewhere.Index = (i + 1) % size
			if _, err := elsewhere.Check(key.Verifier()); size > 1 && !errors.Is(err, ErrNotThere) {
				t.Fatalf("entry %d of %d is proven at another place: %v", i+1, size, err)
			}
		}
	}
}

// Ensure that a proof with anything changed in it is refused, that one without the
// text holds, and that another key's checkpoint proves nothing.
func TestProof_Tampered(t *testing.T) {
	t.Parallel()
	entries, key := invent(9), newTestKey(t, "here")
	checkpoint := at(grown(entries), 2027, 0)
	signed, err := key.Sign(checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewKey("here", bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.Sign(checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Proof)
		want   error
	}{
		"nothing":             {func(*Proof) {}, nil},
		"the text is deleted": {func(p *Proof) { p.Text = nil }, nil},
		"the text":            {func(p *Proof) { p.Text = []byte("another") }, ErrTextChanged},
		"the leaf":            {func(p *Proof) { p.Text, p.Leaf[0] = nil, p.Leaf[0]^1 }, ErrNotThere},
		"the path":            {func(p *Proof) { p.Path = slices.Clone(p.Path); p.Path[1][0] ^= 1 }, ErrNotThere},
		"a shorter path":      {func(p *Proof) { p.Path = p.Path[1:] }, ErrNotThere},
		"the place":           {func(p *Proof) { p.Index = -1 }, ErrNotThere},
		"the size":            {func(p *Proof) { p.Checkpoint = strings.Replace(p.Checkpoint, "\n9\n", "\n8\n", 1) }, ErrForged},
		"another key":         {func(p *Proof) { p.Checkpoint = string(foreign) }, ErrForged},
	} {
		proof, err := Prove(entries[4], 4, checkpoint, signed, leavesOf(entries))
		if err != nil {
			t.Fatal(err)
		}
		c.change(proof)
		if _, err := proof.Check(key.Verifier()); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// verify goes through a log with checkpoints after its thirds.
func verify(entries []Entry, years []Year, checkpoints []Checkpoint) Verdict {
	v := NewVerifier(years, checkpoints)
	for _, entry := range entries {
		v.Add(entry)
	}
	return v.End()
}

// Ensure that every way to change a log is found, with its place, and that texts may
// be deleted.
func TestVerifier_Tampered(t *testing.T) {
	t.Parallel()
	const n = 30
	whole := invent(n)
	checkpoints := []Checkpoint{at(grown(whole[:10]), 2027, 1), at(grown(whole[:20]), 2027, 2), at(grown(whole), 2027, 3)}
	years := []Year{{2027, 1}}
	again := func(entries []Entry, i int, text string) {
		entries[i].Text = []byte(text)
		entries[i].Leaf = sha256.Sum256(entries[i].Text)
	}
	for name, c := range map[string]struct {
		change func([]Entry) []Entry
		want   string
	}{
		"nothing":              {func(e []Entry) []Entry { return e }, ""},
		"a text is deleted":    {func(e []Entry) []Entry { e[3].Text = nil; return e }, ""},
		"a text is changed":    {func(e []Entry) []Entry { e[3].Text = []byte("x"); return e }, "the text of entry 4 was changed"},
		"a text with its leaf": {func(e []Entry) []Entry { again(e, 13, "x"); return e }, "something in 11 to 20 was changed"},
		"one is dropped":       {func(e []Entry) []Entry { return slices.Delete(e, 4, 5) }, "entry 5 is missing"},
		"two are swapped":      {func(e []Entry) []Entry { e[4], e[5] = e[5], e[4]; return e }, "entry 5 stands behind entry 6"},
		"one is put in":        {func(e []Entry) []Entry { return slices.Insert(e, 4, e[3]) }, "entry 4 stands behind entry 4"},
		"several are dropped":  {func(e []Entry) []Entry { return slices.Delete(e, 4, 7) }, "entries 5 to 7 are missing"},
		"the end is cut":       {func(e []Entry) []Entry { return e[:25] }, "the log of 2027 ends with 25 entries, the checkpoint of 2027-03-09T09:03:00Z has 30"},
		"the beginning is cut": {func(e []Entry) []Entry { return e[1:] }, "entry 1 is missing"},
		"dropped and renumbered": {func(e []Entry) []Entry {
			e = slices.Delete(e, 4, 5)
			for i := range e {
				e[i].Sequence = uint64(i + 1)
			}
			return e
		}, "something in 1 to 10 was changed"},
		"all behind is rewritten": {func(e []Entry) []Entry {
			for i := 20; i < n; i++ {
				again(e, i, "y")
			}
			return e
		}, "something in 21 to 30 was changed"},
	} {
		verdict := verify(c.change(slices.Clone(whole)), years, checkpoints)
		found := strings.Join(verdict.Findings, "; ")
		if (c.want == "") != (found == "") || !strings.Contains(found, c.want) {
			t.Errorf("%s: found %q, want %q", name, found, c.want)
		}
	}
	if verdict := verify(whole, []Year{{2027, 1}}, append(checkpoints, at(grown(whole[:3]), 2026, 0))); len(verdict.Findings) != 1 {
		t.Errorf("checkpoints of a year that the log has not: %+v", verdict)
	}
}

// Ensure that each year has a tree of its own.
func TestVerifier_Years(t *testing.T) {
	t.Parallel()
	whole := invent(30)
	checkpoints := []Checkpoint{at(grown(whole[:12]), 2027, 1), at(grown(whole[12:]), 2028, 2)}
	if verdict := verify(whole, []Year{{2027, 1}, {2028, 13}}, checkpoints); len(verdict.Findings) != 0 || len(verdict.Years) != 2 || verdict.Years[0].Covered != 12 || verdict.Years[1].Covered != 18 {
		t.Errorf("the verdict is %+v", verdict)
	}
	// The newest year's checkpoint says nothing of the one before.
	rewritten := slices.Clone(whole)
	rewritten[4].Text = []byte("x")
	rewritten[4].Leaf = sha256.Sum256(rewritten[4].Text)
	if verdict := verify(rewritten, []Year{{2027, 1}, {2028, 13}}, checkpoints[1:]); len(verdict.Findings) != 1 || !strings.Contains(verdict.Findings[0], "no checkpoint of 2027 fits") {
		t.Errorf("a year without a checkpoint: %+v", verdict)
	}
	if verdict := verify(rewritten, []Year{{2027, 1}, {2028, 13}}, checkpoints); len(verdict.Findings) != 2 || verdict.Years[0].Covered != 0 {
		t.Errorf("an earlier year was rewritten: %+v", verdict)
	}
	if verdict := verify(whole, nil, nil); len(verdict.Findings) != 2 {
		t.Errorf("a log of no year: %+v", verdict)
	}
	if verdict := verify(nil, []Year{{2027, 1}}, nil); len(verdict.Findings) != 1 {
		t.Errorf("an empty log: %+v", verdict)
	}
	if verdict := verify(whole, []Year{{2027, 1}, {2028, 14}}, checkpoints); len(verdict.Findings) == 0 {
		t.Error("a year that begins elsewhere is not noticed")
	}
}

// Ensure that a log which was put back from a copy is found to be, unless it says so
// itself: then the lost checkpoints are told apart from faults.
func TestVerifier_WentBack(t *testing.T) {
	t.Parallel()
	whole := invent(30)
	lost := at(grown(whole), 2027, 3)
	back := slices.Clone(whole[:15])
	for i := range 20 {
		text := fmt.Appendf(nil, "after %d", i)
		if i == 0 {
			text = []byte("back")
		}
		back = append(back, Entry{Sequence: uint64(len(back) + 1), Leaf: sha256.Sum256(text), Text: text})
	}
	checkpoints := []Checkpoint{at(grown(whole[:10]), 2027, 1), at(grown(whole[:20]), 2027, 2), lost, at(grown(back), 2027, 9)}
	if verdict := verify(back, []Year{{2027, 1}}, checkpoints); len(verdict.Findings) != 2 || len(verdict.Admitted) != 0 {
		t.Errorf("the verdict is %+v", verdict)
	}
	v := NewVerifier([]Year{{2027, 1}}, checkpoints)
	v.WentBack = func(text []byte) (Lost, bool) { return Lost{lost.Year, lost.Size, lost.At}, string(text) == "back" }
	for _, entry := range back {
		v.Add(entry)
	}
	if verdict := v.End(); len(verdict.Findings) != 0 || len(verdict.Admitted) != 2 || verdict.Years[0].Checkpoints != 2 {
		t.Errorf("the verdict is %+v", verdict)
	}
}

// Ensure that a log which was put back across New Year, and admits it, has no fault,
// also where it had outgrown what it lost before it said so.
func TestVerifier_WentBack_NewYear(t *testing.T) {
	t.Parallel()
	const back = 25
	whole := invent(30)
	lost := at(grown(whole[12:]), 2028, 3)
	log := slices.Clone(whole[:8])
	for i := len(log); i < 40; i++ {
		text := fmt.Appendf(nil, "after %d", i)
		log = append(log, Entry{Sequence: uint64(i + 1), Leaf: sha256.Sum256(text), Text: text})
	}
	years := []Year{{2027, 1}, {2028, 11}}
	checkpoints := []Checkpoint{
		at(grown(whole[:8]), 2027, 1), at(grown(whole[:12]), 2027, 2), lost, at(grown(log[10:]), 2028, 9),
	}
	for _, admits := range []bool{true, false} {
		v := NewVerifier(years, checkpoints)
		v.WentBack = func(text []byte) (Lost, bool) {
			return Lost{lost.Year, lost.Size, lost.At}, admits && string(text) == string(log[back].Text)
		}
		for _, entry := range log {
			v.Add(entry)
		}
		verdict := v.End()
		if admits && (len(verdict.Findings) != 0 || len(verdict.Admitted) != 2) || !admits && len(verdict.Findings) != 2 {
			t.Errorf("admitted %t: %+v", admits, verdict)
		}
	}
}

// Ensure, over logs and changes that are drawn, that no log but the one that was
// signed passes.
func TestVerifier_Drawn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(rt, "entries")
		whole := invent(n)
		var checkpoints []Checkpoint
		for _, size := range rapid.SliceOfN(rapid.IntRange(1, n), 0, 4).Draw(rt, "checkpoints") {
			checkpoints = append(checkpoints, at(grown(whole[:size]), 2027, size))
		}
		checkpoints = append(checkpoints, at(grown(whole), 2027, n))
		if verdict := verify(whole, []Year{{2027, 1}}, checkpoints); len(verdict.Findings) > 0 {
			rt.Fatalf("an honest log: %v", verdict.Findings)
		}
		changed := slices.Clone(whole)
		i := rapid.IntRange(0, n-1).Draw(rt, "place")
		text := []byte(rapid.StringN(1, 5, 5).Draw(rt, "text"))
		changed[i].Text, changed[i].Leaf = text, sha256.Sum256(text)
		if verdict := verify(changed, []Year{{2027, 1}}, checkpoints); len(verdict.Findings) == 0 {
			rt.Fatalf("entry %d of %d was rewritten unseen", i+1, n)
		}
	})
}

// Ensure that checkpoints come back as they were signed, one behind the other in a
// file whose end was cut off at any byte.
func TestSplit(t *testing.T) {
	t.Parallel()
	key := newTestKey(t, "here")
	var file bytes.Buffer
	var ends []int
	var want []Checkpoint
	for n := 1; n <= 3; n++ {
		checkpoint := at(grown(invent(n)), 2027, n)
		signed, err := key.Sign(checkpoint)
		if err != nil {
			t.Fatal(err)
		}
		file.Write(append(signed, '\n'))
		ends, want = append(ends, file.Len()), append(want, checkpoint)
	}
	for cut := range file.Len() + 1 {
		notes := Split(file.Bytes()[:cut])
		whole := 0
		for _, end := range ends {
			if end <= cut {
				whole++
			}
		}
		if len(notes) != whole {
			t.Fatalf("cut at %d: %d checkpoints, want %d", cut, len(notes), whole)
		}
		for i, note := range notes {
			if got, err := Open(note, key.Verifier()); err != nil || got != want[i] {
				t.Fatalf("cut at %d: checkpoint %d is %+v, %v", cut, i+1, got, err)
			}
		}
	}
}

// Ensure that a key prints nothing of its secret.
func TestKey_Redacted(t *testing.T) {
	t.Parallel()
	key := newTestKey(t, "here")
	if printed := fmt.Sprintf("%v %+v %#v %s", key, key, &key, key); strings.Contains(printed, "PRIVATE") || strings.Count(printed, "<audit key>") < 3 {
		t.Errorf("printed %q", printed)
	}
}

func FuzzOpen(f *testing.F) {
	key := newTestKey(f, "here")
	signed, err := key.Sign(at(grown(invent(3)), 2027, 0))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, note := range Split(data) {
			_, _ = Open(note, key.Verifier())
		}
		if c, err := Open(data, key.Verifier()); err == nil && c.Size < 1 {
			t.Errorf("opened %+v", c)
		}
		if c, err := parseCheckpoint(string(data)); err == nil && c.text() != string(data) {
			t.Errorf("%q is said otherwise: %q", data, c.text())
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"header":{"origin":"here","key":"k","years":[{"year":2027,"first":1}]}}` + "\n" +
		`{"entry":{"sequence":1,"leaf":"` + strings.Repeat("0a", 32) + `","text":"YQ=="}}` + "\n"))
	f.Add([]byte(`{"proof":{"leaf":"` + strings.Repeat("0a", 32) + `","index":0,"path":null,"checkpoint":"x"}}`))
	key := newTestKey(f, "here")
	f.Fuzz(func(t *testing.T, data []byte) {
		v := NewVerifier([]Year{{2027, 1}}, nil)
		for line, err := range Read(bytes.NewReader(data)) {
			switch {
			case err != nil:
			case line.Entry != nil:
				v.Add(*line.Entry)
			case line.Proof != nil:
				if _, err := line.Proof.Check(key.Verifier()); err == nil {
					t.Error("a proof by nobody's key")
				}
			}
		}
		v.End()
	})
}
