package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/queue"
)

// natsContext is a connection as the nats command line keeps it, in a file of that
// name under nats/context in the folder of the user's settings.
type natsContext struct {
	URL         string `json:"url"`
	Token       string `json:"token"`
	Credentials string `json:"creds"`
	Nkey        string `json:"nkey"`
	CA          string `json:"ca"`

	// What dialctl cannot do is refused, and not left out: the connection would be
	// another one than was meant.
	User       string `json:"user"`
	Operator   string `json:"nsc"`
	Cert       string `json:"cert"`
	SocksProxy string `json:"socks_proxy"`
}

const contextSuffix = ".json"

// contextFolder is where the nats command line keeps its contexts.
func contextFolder() (string, error) {
	settings := os.Getenv("XDG_CONFIG_HOME")
	if settings == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		settings = filepath.Join(home, ".config")
	}
	return filepath.Join(settings, "nats", "context"), nil
}

// contexts returns the names of those that there are.
func contexts() []string {
	folder, err := contextFolder()
	if err != nil {
		return nil
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	var names []string
	for _, entry := range entries {
		if name, found := strings.CutSuffix(entry.Name(), contextSuffix); found {
			names = append(names, name)
		}
	}
	return names
}

// readContext returns how to connect as the context of that name says.
func readContext(name string) (queue.ClientOptions, error) {
	var options queue.ClientOptions
	folder, err := contextFolder()
	if err != nil {
		return options, failed("find the NATS contexts", err)
	}
	path := filepath.Join(folder, name+contextSuffix)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		hint := "there are none; `nats context save` makes one, or give --server"
		if known := contexts(); len(known) > 0 {
			hint = "there are: " + strings.Join(known, ", ")
		}
		return options, usage(hint, "there is no NATS context %q in %s", name, folder)
	}
	if err != nil {
		return options, failed("read the NATS context", err)
	}
	var c natsContext
	if err := json.Unmarshal(content, &c); err != nil {
		return options, usage("see `nats context validate`", "the NATS context %s is no JSON object: %v", path, err)
	}
	for _, set := range []struct{ field, value string }{
		{"user", c.User}, {"nsc", c.Operator}, {"cert", c.Cert}, {"socks_proxy", c.SocksProxy},
	} {
		if set.value != "" {
			return options, usage("use a context with creds, an nkey or a token", "the NATS context %s sets %s, which dialctl cannot use", path, set.field)
		}
	}
	options.URL, options.Token = cmp.Or(c.URL, defaultServer), c.Token
	if options.Credentials, err = fromHome(cmp.Or(c.Credentials, c.Nkey)); err != nil {
		return options, err
	}
	options.CA, err = fromHome(c.CA)
	return options, err
}

// fromHome returns the path, which may begin in the user's home.
func fromHome(path string) (string, error) {
	below, found := strings.CutPrefix(path, "~/")
	if !found {
		return path, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, below), nil
}

func completeContexts(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return contexts(), cobra.ShellCompDirectiveNoFileComp
}
