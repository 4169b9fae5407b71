package queue

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tokenFile holds the embedded server's secret: whoever can read it can give
// orders to the daemon.
const tokenFile = "nats.token"

// minToken is the least length of a secret in characters. Whoever writes a
// file by hand must not get away with a word.
const minToken = 20

// TokenPath returns where the embedded server's secret lies.
func TokenPath(dataDirectory string) string { return filepath.Join(dataDirectory, tokenFile) }

// EnsureToken returns the secret of the daemon's embedded server and makes one
// where there is none yet. The file is readable by its owner only.
func EnsureToken(dataDirectory string) (string, error) {
	token, err := ReadToken(dataDirectory)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails, see crypto/rand
	token = base64.RawURLEncoding.EncodeToString(secret)
	err = writeToken(TokenPath(dataDirectory), token)
	if errors.Is(err, fs.ErrExist) {
		return ReadToken(dataDirectory) // another process was faster
	}
	if err != nil {
		return "", fmt.Errorf("make the queue's secret: %w", err)
	}
	return token, nil
}

// ReadToken returns the secret of the daemon's embedded server. It refuses a
// file that others than its owner can read. Where there is no file the error
// is fs.ErrNotExist.
func ReadToken(dataDirectory string) (string, error) {
	path := TokenPath(dataDirectory)
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read the queue's secret: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", &ControlError{
			Code:    CodeRefused,
			Message: fmt.Sprintf("%s can be read by others (mode %04o)", path, info.Mode().Perm()),
			Hint:    "run chmod 600 on it; if somebody may have read it, remove it and restart dialerd",
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the queue's secret: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if len(token) < minToken {
		return "", &ControlError{
			Code:    CodeRefused,
			Message: fmt.Sprintf("%s holds %d characters, %d are the least", path, len(token), minToken),
			Hint:    "remove it and restart dialerd: a new one is made",
		}
	}
	return token, nil
}

// writeToken links the finished file into place, so that a reader never sees
// half a secret and an existing one is never replaced.
func writeToken(path, token string) error {
	draft, err := os.CreateTemp(filepath.Dir(path), tokenFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(draft.Name()) }()
	_, err = draft.WriteString(token + "\n")
	if err = errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	return os.Link(draft.Name(), path)
}
