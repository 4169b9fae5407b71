package store

import (
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hustings/hustings/consent/contact"
)

// Keys are the secrets that make the store readable. They lie outside of it:
// a copy of the store says nothing without them, and nothing can be read any
// more once they are lost. Keys print redacted.
type Keys struct {
	// Identity turns numbers into IDs.
	Identity contact.IDKey
	// Seal seals the numbers in the directory, and opens them unless the file is
	// older than the last rotation.
	Seal SealKey
	// HPKE (X25519) opens payloads that others have sealed to this broker. It
	// is not redacted by itself: hand it only to what opens them.
	HPKE hpke.PrivateKey
	// Callback authenticates the callback addresses given to the carrier.
	Callback Secret
	// ReportSeed is what the reports' signing key is derived from.
	ReportSeed Secret

	// former is the seal key before the last rotation, nil for none.
	former *SealKey

	secrets map[string]Secret // as the key files have them, for a backup
}

// AuditSeed is what the key that signs the audit log's checkpoints is derived from,
// and AuditOrigin names the log: it says nothing of the keys.
func (k *Keys) AuditSeed() []byte { return k.ReportSeed.derive("audit checkpoints") }

// AuditOrigin is the same for a store and all copies of it.
func (k *Keys) AuditOrigin() string {
	return hex.EncodeToString(k.ReportSeed.derive("audit origin")[:8])
}

// Format prints a placeholder for every verb.
func (Keys) Format(f fmt.State, _ rune) { redact(f) }

// MarshalText writes a placeholder.
func (Keys) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// SecretSize is the length of every secret in bytes.
const SecretSize = 32

// Secret is 32 random bytes that print redacted.
type Secret struct{ bytes [SecretSize]byte }

// Bytes returns a copy of the secret.
func (s Secret) Bytes() []byte { return s.bytes[:] }

// Format prints a placeholder for every verb.
func (Secret) Format(f fmt.State, _ rune) { redact(f) }

// MarshalText writes a placeholder.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

const redacted = "<secret>"

func redact(w io.Writer) { _, _ = w.Write([]byte(redacted)) } // a formatter has nowhere to report to

// derive returns a secret of its own for one purpose.
func (s Secret) derive(purpose string) []byte {
	mac := hmac.New(sha256.New, s.bytes[:])
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

// keyFiles are the names of the key files; each file also names its key, so
// that two files cannot change places unnoticed.
var keyFiles = []string{identityKey, sealKey, "hpke", "callback", "report"}

// LoadOrCreateKeys reads the keys in dir. Where storeExists is false, missing
// ones are made; where a store exists they never are, since a new key would
// make every row unreadable. A file that others on the machine can read is
// refused.
func LoadOrCreateKeys(dir string, storeExists bool) (*Keys, error) {
	secrets := make(map[string]Secret, len(keyFiles))
	for _, name := range keyFiles {
		path := filepath.Join(dir, name+".key")
		secret, err := readKeyFile(path, name)
		if errors.Is(err, fs.ErrNotExist) {
			if storeExists {
				return nil, fmt.Errorf("load keys: %s is missing: restore it from backup; a new one would make every row unreadable", path)
			}
			secret, err = createKeyFile(path, name)
		}
		if err != nil {
			return nil, fmt.Errorf("load keys: %w", err)
		}
		secrets[name] = secret
	}
	former, err := readFormerSeal(dir)
	if err != nil {
		return nil, fmt.Errorf("load keys: %w", err)
	}
	if former != nil {
		secrets[formerSeal] = *former
	}
	return newKeys(secrets)
}

func newKeys(secrets map[string]Secret) (*Keys, error) {
	identity, err := contact.NewIDKey(secrets[identityKey].Bytes())
	if err != nil {
		return nil, fmt.Errorf("load keys: %w", err)
	}
	// The file holds a seed, as RFC 9180 (7.1.3) wants it, so that a key of
	// another kind can one day be derived from the same file.
	private, err := hpke.DHKEM(ecdh.X25519()).DeriveKeyPair(secrets["hpke"].Bytes())
	if err != nil {
		return nil, fmt.Errorf("load keys: hpke: %w", err)
	}
	keys := &Keys{
		secrets: secrets, Identity: identity, Seal: SealKey{secrets[sealKey]}, HPKE: private,
		Callback: secrets["callback"], ReportSeed: secrets["report"],
	}
	if former, kept := secrets[formerSeal]; kept {
		keys.former = &SealKey{former}
	}
	return keys, nil
}

// A key file is one line of text that fits on paper:
//
//	hustings seal key 1: <64 hexadecimal digits>
func keyLabel(name string) string { return "hustings " + name + " key 1: " }

func keyLine(name string, secret Secret) string {
	return keyLabel(name) + hex.EncodeToString(secret.bytes[:]) + "\n"
}

const keyFileLimit = 256

func readKeyFile(path, name string) (secret Secret, err error) {
	f, err := os.Open(path)
	if err != nil {
		return secret, fmt.Errorf("open key: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	if err := checkKeyMode(f, path); err != nil {
		return secret, err
	}
	content, err := io.ReadAll(io.LimitReader(f, keyFileLimit))
	if err != nil {
		return secret, fmt.Errorf("read key: %w", err)
	}
	return parseKey(string(content), path, name)
}

// parseKey reads a key file's one line.
func parseKey(content, path, name string) (secret Secret, err error) {
	digits, labelled := strings.CutPrefix(strings.TrimSpace(content), keyLabel(name))
	if !labelled || len(digits) != hex.EncodedLen(SecretSize) {
		return secret, fmt.Errorf("%s is not a key file: want %q and %d hexadecimal digits; restore it from backup",
			path, keyLabel(name), hex.EncodedLen(SecretSize))
	}
	// The decoder's error would quote a digit of the key.
	if _, err := hex.Decode(secret.bytes[:], []byte(digits)); err != nil {
		return secret, fmt.Errorf("%s is not a key file: it holds something else than hexadecimal digits; restore it from backup", path)
	}
	if secret == (Secret{}) {
		return secret, fmt.Errorf("%s holds only zeros: restore it from backup", path)
	}
	return secret, nil
}

// checkKeyMode refuses a key that others can read. A service manager hands out
// credentials with the group's bits standing for an access list that names
// this user alone; there only the world's bits count.
func checkKeyMode(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("look at key: %w", err)
	}
	forbidden := fs.FileMode(0o077)
	if credentials := os.Getenv("CREDENTIALS_DIRECTORY"); credentials != "" && filepath.Dir(path) == filepath.Clean(credentials) {
		forbidden = 0o007
	}
	if mode := info.Mode().Perm(); mode&forbidden != 0 {
		return fmt.Errorf("%s can be read by others on this machine (mode %04o): run chmod 600 %s", path, mode, path)
	}
	return nil
}

func createKeyFile(path, name string) (Secret, error) {
	var secret Secret
	if _, err := rand.Read(secret.bytes[:]); err != nil {
		return secret, fmt.Errorf("make %s key: %w", name, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return secret, fmt.Errorf("make %s key: %w", name, err)
	}
	if err := createFile(path, []byte(keyLine(name, secret))); err != nil {
		return secret, fmt.Errorf("make %s key: %w", name, err)
	}
	return secret, nil
}
