package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
)

// A backup of the keys is one file, encrypted with age to people who are not the
// machine's: the key files' lines, one after the other, the former seal key's last.
// It is worth something only once somebody has opened it and found the keys that are
// in use, which is what confirming means. With a real carrier no daemon starts before that: without the
// keys nothing of the store can be read again.

// Fingerprint tells one set of keys in use from another, and nothing of them. The
// former seal key is not in use: whether it is kept makes no difference.
func (k *Keys) Fingerprint() string {
	hash := sha256.New()
	hash.Write([]byte("hustings keys"))
	for _, name := range keyFiles {
		hash.Write([]byte(keyLine(name, k.secrets[name])))
	}
	return hex.EncodeToString(hash.Sum(nil)[:12])
}

// Backup writes the keys, encrypted to the recipients, to w.
func (k *Keys) Backup(w io.Writer, recipients ...age.Recipient) error {
	if len(recipients) == 0 {
		return errors.New("back the keys up: nobody could open the backup")
	}
	sealed, err := age.Encrypt(w, recipients...)
	if err != nil {
		return fmt.Errorf("back the keys up: %w", err)
	}
	for _, name := range k.kept() {
		if _, err := io.WriteString(sealed, keyLine(name, k.secrets[name])); err != nil {
			return fmt.Errorf("back the keys up: %w", err)
		}
	}
	if err := sealed.Close(); err != nil {
		return fmt.Errorf("back the keys up: %w", err)
	}
	return nil
}

// kept names the keys that there are: those in use, and the former seal key.
func (k *Keys) kept() []string {
	if !k.HasFormer() {
		return keyFiles
	}
	return append(slices.Clone(keyFiles), formerSeal)
}

// OpenKeyBackup opens a backup with somebody's identity and returns the keys in it.
func OpenKeyBackup(r io.Reader, identities ...age.Identity) (*Keys, error) {
	opened, err := age.Decrypt(r, identities...)
	if err != nil {
		return nil, fmt.Errorf("open the backup: %w", err)
	}
	secrets, lines := map[string]Secret{}, bufio.NewScanner(io.LimitReader(opened, keyFileLimit*int64(len(keyFiles)+1)))
	for _, name := range keyFiles {
		if !lines.Scan() {
			return nil, fmt.Errorf("open the backup: it has no %s key", name)
		}
		if secrets[name], err = parseKey(lines.Text(), "the backup", name); err != nil {
			return nil, fmt.Errorf("open the backup: %w", err)
		}
	}
	if lines.Scan() {
		if secrets[formerSeal], err = parseKey(lines.Text(), "the backup", formerSeal); err != nil {
			return nil, fmt.Errorf("open the backup: %w", err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("open the backup: %w", err)
	}
	return newKeys(secrets)
}

// WriteTo puts the keys into a folder, each into a file of its own that must not be
// there yet.
func (k *Keys) WriteTo(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write keys: %w", err)
	}
	for _, name := range k.kept() {
		if there, err := exists(keyPath(dir, name)); err != nil || there {
			return errors.Join(err, fmt.Errorf("write keys: %s.key is there already, and stays", name))
		}
	}
	for _, name := range k.kept() {
		label := name
		if name == formerSeal { // as it was when it was in use
			label = sealKey
		}
		if err := createFile(keyPath(dir, name), []byte(keyLine(label, k.secrets[name]))); err != nil {
			return fmt.Errorf("write keys: %w", err)
		}
	}
	return nil
}

// Confirmation is the record that a backup of the keys was opened and found right.
type Confirmation struct {
	// Keys is their fingerprint.
	Keys string    `json:"keys"`
	At   time.Time `json:"at"`
	// Backup is the SHA-256 of the file that was opened.
	Backup string `json:"backup_sha256"`
}

// ErrOtherKeys is returned where a backup holds other keys than those in use.
var ErrOtherKeys = errors.New("the backup holds other keys than those in use")

// ErrNoFormerKey is returned where a backup lacks the seal key before the last rotation.
var ErrNoFormerKey = errors.New("the backup lacks the former seal key, which older backups of the store are sealed with")

// Confirm notes in a file that the backup holds these keys, as somebody's identity has
// just shown.
func (k *Keys) Confirm(path string, backup []byte, at time.Time, identities ...age.Identity) (Confirmation, error) {
	kept, err := OpenKeyBackup(bytes.NewReader(backup), identities...)
	if err != nil {
		return Confirmation{}, err
	}
	if kept.Fingerprint() != k.Fingerprint() {
		return Confirmation{}, ErrOtherKeys
	}
	if k.HasFormer() && (!kept.HasFormer() || *kept.former != *k.former) {
		return Confirmation{}, ErrNoFormerKey
	}
	sum := sha256.Sum256(backup)
	c := Confirmation{Keys: k.Fingerprint(), At: at.UTC(), Backup: hex.EncodeToString(sum[:])}
	text, err := json.Marshal(c)
	if err != nil {
		return c, fmt.Errorf("note that the keys are backed up: %w", err)
	}
	if err := removeIfThere(path); err != nil {
		return c, fmt.Errorf("note that the keys are backed up: %w", err)
	}
	if err := createFile(path, append(text, '\n')); err != nil {
		return c, fmt.Errorf("note that the keys are backed up: %w", err)
	}
	return c, nil
}

// Confirmed returns the confirmation in a file; ok is false where there is none, or
// where it is about other keys.
func (k *Keys) Confirmed(path string) (c Confirmation, ok bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return c, false, fmt.Errorf("read whether the keys are backed up: %w", err)
	}
	return c, c.Keys == k.Fingerprint(), nil
}

// ParseRecipients reads age recipients, such as age1..., that a backup is encrypted to.
func ParseRecipients(texts []string) ([]age.Recipient, error) {
	recipients := make([]age.Recipient, len(texts))
	for i, text := range texts {
		recipient, err := age.ParseX25519Recipient(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("recipient %d is none of age's: want age1..., as age-keygen prints it", i+1)
		}
		recipients[i] = recipient
	}
	return recipients, nil
}
