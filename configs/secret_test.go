package configs

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const authToken = "0123456789abcdef0123456789abcdef"

func marshal(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Ensure that a secret shows itself to nobody who does not ask for it.
func TestSecret_Redacted(t *testing.T) {
	t.Parallel()
	secret := NewSecret(authToken)
	holder := struct{ Token Secret }{secret}
	inYAML, err := yaml.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		secret.String(), string(marshal(t, holder)), string(inYAML), fmt.Sprint(secret, &secret, holder),
		fmt.Sprintf("%v %+v %#v %s %q %x %d", secret, holder, holder, secret, secret, secret, secret),
	} {
		if strings.Contains(text, authToken[:8]) || strings.Contains(text, fmt.Sprintf("%x", authToken[:8])) {
			t.Errorf("the secret shows in %s", text)
		}
		if !strings.Contains(text, "secret") {
			t.Errorf("%q does not say that a secret is there", text)
		}
	}
	if secret.Reveal() != authToken || (Secret{}).String() != "<none>" {
		t.Error("a secret must reach its user, and say where there is none")
	}
}

// Ensure that no part of a fault shows a secret that stands in the file.
func TestFaults_HideSecrets(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"auth_token: " + authToken, "carrier: {twilio: {auth_token: " + authToken + "}}", "\"password\": \"" + authToken + "\"", "- api_key : " + authToken,
		"nats: {url: nats://dialer:" + authToken + "@nats.example.org, colour: red}", "AUTH_TOKEN: [" + authToken, "auth_token: \"" + authToken,
		"log: {password: " + authToken + ", level: 5}",
	} {
		path := filepath.Join(t.TempDir(), "dialerd.yaml")
		if err := os.WriteFile(path, []byte(line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || strings.Contains(err.Error(), authToken) {
			t.Errorf("%s: got %v", line, err)
		}
	}
}

// Ensure that a token is taken from a file, systemd's credential or the
// environment, in this order, and only if nobody else can read it.
func TestTwilio_AuthToken(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, test := range []struct{ name, path, want string }{
		{"OK", write("good", authToken+"\n", 0o600), ""},
		{"Group", write("group", authToken, 0o640), ""},
		{"World", write("world", authToken, 0o644), "chmod 600"},
		{"Missing", filepath.Join(folder, "none"), "there is no file"},
		{"Empty", write("empty", "\n", 0o600), "is empty"},
		{"Words", write("words", "token: "+authToken, 0o600), "more than one word"},
		{"Long", write("long", strings.Repeat("a", maxSecret+1), 0o600), "too many"},
		{"Folder", folder, "no regular file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Twilio{AuthTokenFile: test.path}.AuthToken()
			if test.want == "" {
				if err != nil || got.Reveal() != authToken {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			if !errors.Is(err, ErrSecret) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), authToken) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	t.Run("Order", func(t *testing.T) {
		t.Setenv("CREDENTIALS_DIRECTORY", folder)
		t.Setenv(tokenEnvironment, "")
		if _, err := (Twilio{}).AuthToken(); err == nil || !strings.Contains(err.Error(), tokenEnvironment) {
			t.Errorf("got %v, want the ways to give a token", err)
		}
		t.Setenv(tokenEnvironment, "environment")
		if got, err := (Twilio{}).AuthToken(); err != nil || got.Reveal() != "environment" {
			t.Errorf("got %v, %v", got, err)
		}
		write(tokenCredential, "credential", 0o400)
		if got, err := (Twilio{}).AuthToken(); err != nil || got.Reveal() != "credential" {
			t.Errorf("got %v, %v", got, err)
		}
	})
}
