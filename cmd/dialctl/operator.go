package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
)

func (a *app) operatorCommand() *cobra.Command {
	return group("operator", "keys of the broker's operators",
		group("key", "the key that an operator signs orders with", a.operatorKeyCreateCommand(), a.operatorKeyShowCommand()))
}

func (a *app) operatorKeyCreateCommand() *cobra.Command {
	var out string
	command := &cobra.Command{
		Use: "create", Short: "make a key pair of your own, and print the line for the registry", Args: wants(),
		Long: `create makes a key pair for the operator whom --operator names. The private key
goes into a new file that nobody else can read, and stays on this machine; the
line that it prints goes into the registry, under operators. Name the file with
--key, or with HUSTINGS_OPERATOR_KEY, where you give orders.`,
		RunE: func(*cobra.Command, []string) error {
			public, private, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				return failed("make a key", err)
			}
			if err := writeOperatorKey(out, private); err != nil {
				return err
			}
			a.say("the private key is in %s: keep it to yourself", out)
			return a.printOperator(public)
		},
	}
	command.Flags().StringVar(&out, "out", "operator.key", "new `file` for the private key")
	return command
}

func (a *app) operatorKeyShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show FILE", Short: "print the registry's line for a key that was made before", Args: wants("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			private, err := readOperatorKey(args[0])
			if err != nil {
				return err
			}
			return a.printOperator(private.Public().(ed25519.PublicKey)) // of an Ed25519 key
		},
	}
}

// printOperator prints the operator as the registry has them.
func (a *app) printOperator(public ed25519.PublicKey) error {
	line := struct {
		ID  string `json:"id"`
		Key string `json:"key"`
	}{a.operator, base64.StdEncoding.EncodeToString(public)}
	if line.ID == "" {
		line.ID = "op-name"
	}
	return a.result(line, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "- {id: %s, name: YOUR NAME, roles: [operator, releaser], key: %q}\n", line.ID, line.Key)
		return err
	})
}

// writeOperatorKey writes the private key, PKCS #8 in PEM, into a file of its own
// that nobody else can read.
func writeOperatorKey(path string, private ed25519.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return errors.New("write the key: PKCS #8 encoding failed")
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return &failure{message: path + " is there already", hint: "name another file with --out; a key is never written over", cause: err}
	}
	if err != nil {
		return failed("write the key", err)
	}
	_, err = file.Write(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return failed("write the key", errors.Join(err, file.Sync(), file.Close()))
}

// readOperatorKey reads a private key that nobody else could have read.
func readOperatorKey(path string) (ed25519.PrivateKey, error) {
	const make = "dialctl operator key create makes one"
	info, err := os.Stat(path)
	if err != nil {
		return nil, &failure{message: fmt.Sprintf("read the key: %v", err), hint: make, cause: err}
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, &failure{message: fmt.Sprintf("read the key: others can read %s", path), hint: "chmod 600 " + path + ", or make a new one if somebody has"}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, failed("read the key", err)
	}
	if block, _ := pem.Decode(text); block != nil {
		if parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if private, is := parsed.(ed25519.PrivateKey); is {
				return private, nil
			}
		}
	}
	return nil, &failure{message: path + " holds no Ed25519 key", hint: make}
}
