package report

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
)

// Ensure that a key survives being written and read, and that two keys are two.
func TestSigningKey_MarshalParse(t *testing.T) {
	t.Parallel()
	key, err := GenerateSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	other, err := GenerateSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	if key.KeyID() == other.KeyID() {
		t.Error("two keys have one ID")
	}
	text, err := key.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := ParseSigningKey(text)
	if err != nil {
		t.Fatal(err)
	}
	if !parsed.Public().Equal(key.Public()) || parsed.KeyID() != key.KeyID() {
		t.Error("another key was read")
	}
	publicText, err := MarshalPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	public, err := ParsePublicKey(publicText)
	if err != nil || !public.Equal(key.Public()) {
		t.Errorf("public key %x, %v", public, err)
	}
}

// Ensure that the key ID is what the page and the schema say.
func TestKeyID(t *testing.T) {
	t.Parallel()
	public := testKey().Public()
	sum := sha256.Sum256(public)
	if got, expected := KeyID(public), hex.EncodeToString(sum[:8]); got != expected || got != testKey().KeyID() {
		t.Errorf("key ID %s, expected %s", got, expected)
	}
}

// Ensure that texts that are no key are refused, and that no error quotes one.
func TestParseSigningKey_Refusals(t *testing.T) {
	t.Parallel()
	public, err := MarshalPublicKey(testKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(elliptical)
	if err != nil {
		t.Fatal(err)
	}
	secret := "c2VjcmV0c2VjcmV0"
	for _, text := range []string{
		"", secret, string(public),
		"-----BEGIN PRIVATE KEY-----\n" + secret + "\n-----END PRIVATE KEY-----\n",
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	} {
		key, err := ParseSigningKey([]byte(text))
		if err == nil || key.KeyID() != "" {
			t.Errorf("%q was read as a key", text)
			continue
		}
		if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "secretsecret") {
			t.Errorf("the error tells: %v", err)
		}
		if _, err := ParsePublicKey([]byte(text)); (err == nil) != (text == string(public)) {
			t.Errorf("as a public key: %v", err)
		}
	}
}

// Ensure that no way of printing a key, or a thing that holds one, shows its secret.
func TestSigningKey_NeverPrints(t *testing.T) {
	t.Parallel()
	key := signingKeyFromSeed([]byte("a seed that nobody should see 32"))
	type holder struct {
		Public  string
		Key     SigningKey
		private SigningKey
		pointer *SigningKey
	}
	things := []any{key, &key, holder{"x", key, key, &key}, &holder{"x", key, key, &key}, []SigningKey{key}, map[string]SigningKey{"k": key}}
	seed := []byte("a seed that nobody should see 32")
	forbidden := []string{
		string(seed[:8]), hex.EncodeToString(seed[:8]), strings.ToUpper(hex.EncodeToString(seed[:8])),
		strings.Trim(fmt.Sprint(string(seed[:8])), "[]"), "0x61, 0x20, 0x73",
	}
	check := func(how, printed string) {
		for _, secret := range forbidden {
			if strings.Contains(printed, secret) {
				t.Errorf("%s shows the secret: %s", how, printed)
			}
		}
	}
	for _, thing := range things {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o"} {
			check(fmt.Sprintf("%s of %T", verb, thing), fmt.Sprintf(verb, thing))
		}
		encoded, err := json.Marshal(thing)
		if err != nil {
			t.Fatal(err)
		}
		check(fmt.Sprintf("JSON of %T", thing), string(encoded))
	}
	check("an error", fmt.Errorf("sign with %v: %w", key, errNoSigningKey).Error())
	if got, expected := fmt.Sprintf("%#v", key), "signing key "+key.KeyID()+" (secret not shown)"; got != expected {
		t.Errorf("printed as %s", got)
	}
	if got := fmt.Sprint(SigningKey{}); got != "signing key (none)" {
		t.Errorf("no key is printed as %s", got)
	}
}
