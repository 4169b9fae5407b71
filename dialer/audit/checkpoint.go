package audit

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint says what a year's tree was at an instant.
type Checkpoint struct {
	// Origin names the log: which store.
	Origin string
	Year   int
	// Size is the number of entries, Root the tree's hash over them.
	Size int64
	Root tlog.Hash
	At   time.Time
}

// The first line of a checkpoint is this, the origin and the year.
const checkpointTitle = "hustings audit log"

// text is the note that is signed.
func (c Checkpoint) text() string {
	return fmt.Sprintf("%s %s %d\n%d\n%s\n%s\n", checkpointTitle, c.Origin, c.Year, c.Size, c.Root, c.At.UTC().Format(time.RFC3339Nano))
}

var errCheckpoint = errors.New("this is no checkpoint of an audit log")

func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 5 || lines[4] != "" {
		return Checkpoint{}, errCheckpoint
	}
	name, found := strings.CutPrefix(lines[0], checkpointTitle+" ")
	origin, year, both := strings.Cut(name, " ")
	if !found || !both || origin == "" {
		return Checkpoint{}, errCheckpoint
	}
	c := Checkpoint{Origin: origin}
	var errs [4]error
	c.Year, errs[0] = strconv.Atoi(year)
	c.Size, errs[1] = strconv.ParseInt(lines[1], 10, 64)
	c.Root, errs[2] = tlog.ParseHash(lines[2])
	c.At, errs[3] = time.Parse(time.RFC3339Nano, lines[3])
	if err := errors.Join(errs[:]...); err != nil || c.Size < 1 || c.text() != text { // said in one way only
		return Checkpoint{}, errCheckpoint
	}
	return c, nil
}

// Key signs checkpoints. It never prints its secret.
type Key struct {
	signer   note.Signer
	verifier string
}

// Format prints who signs, under every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("<audit key>")) }

// algorithmEd25519 is how a signed note marks its keys.
const algorithmEd25519 = 1

// NewKey returns the key of a log that belongs to a seed of 32 secret bytes.
func NewKey(origin string, seed []byte) (Key, error) {
	if len(seed) != ed25519.SeedSize {
		return Key{}, fmt.Errorf("audit key: want a seed of %d bytes, got %d", ed25519.SeedSize, len(seed))
	}
	public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	name := "hustings-audit-" + origin
	verifier, err := note.NewEd25519VerifierKey(name, public)
	if err != nil {
		return Key{}, fmt.Errorf("audit key: %w", err)
	}
	hash := sha256.Sum256(append([]byte(name+"\n"), append([]byte{algorithmEd25519}, public...)...))
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, binary.BigEndian.Uint32(hash[:]),
		base64.StdEncoding.EncodeToString(append([]byte{algorithmEd25519}, seed...))))
	if err != nil {
		return Key{}, errors.New("audit key: it cannot be used") // the library's error may show it
	}
	return Key{signer, verifier}, nil
}

// Verifier is the key's public half, as people keep it: one line of text.
func (k Key) Verifier() string { return k.verifier }

// Sign returns the checkpoint as a signed note.
func (k Key) Sign(c Checkpoint) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: c.text()}, k.signer)
	if err != nil {
		return nil, fmt.Errorf("sign a checkpoint: %w", err)
	}
	return signed, nil
}

// ErrForged is wrapped where a checkpoint is not signed by the key.
var ErrForged = errors.New("the checkpoint is not signed by this key")

// Open reads a signed checkpoint. The verifier is a key's public half.
func Open(signed []byte, verifier string) (Checkpoint, error) {
	v, err := note.NewVerifier(strings.TrimSpace(verifier))
	if err != nil {
		return Checkpoint{}, errors.New("this is no public key of an audit log: it begins with hustings-audit-")
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrForged, err)
	}
	return parseCheckpoint(n.Text)
}

// Split takes the signed notes of a file apart. A last one that was cut short, which
// a crash leaves behind, is left out.
func Split(file []byte) [][]byte {
	var notes [][]byte
	var one bytes.Buffer
	signed := false
	for lines := bufio.NewReader(bytes.NewReader(file)); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return notes
		}
		if line == "\n" && signed {
			notes = append(notes, bytes.Clone(one.Bytes()))
			one.Reset()
			signed = false
			continue
		}
		one.WriteString(line)
		signed = signed || strings.HasPrefix(line, "— ")
	}
}
