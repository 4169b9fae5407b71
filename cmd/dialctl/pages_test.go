package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Ensure that every command of dialctl that the pages for people give exists, and has
// the flags that are given there.
func TestPages_Commands(t *testing.T) {
	t.Parallel()
	for name, least := range map[string]int{
		"OPERATIONS.md": 20, "README.md": 30, filepath.Join("configs", "packs", "README.md"): 6,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkCommands(t, name, least)
		})
	}
}

func checkCommands(t *testing.T, name string, least int) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile("(?m)(?:^ *|`|go run ./cmd/)dialctl ([^`#|\n]+)").FindAllStringSubmatch(string(page), -1)
	if len(commands) < least {
		t.Fatalf("%d commands were found: is the page written otherwise?", len(commands))
	}
	for _, given := range commands {
		words := strings.Fields(regexp.MustCompile(`"[^"]*"`).ReplaceAllString(given[1], "TEXT"))
		command, rest, err := (&app{}).rootCommand().Find(words)
		if err != nil || !command.Runnable() {
			t.Errorf("dialctl %s: there is no such command (%v)", given[1], err)
			continue
		}
		if err := command.ParseFlags(rest); err != nil {
			t.Errorf("dialctl %s: %v", given[1], err)
			continue
		}
		named := command.Flags().NArg() == 0 && strings.HasPrefix(given[0], "`") // in a sentence, by its name alone
		if err := command.ValidateArgs(command.Flags().Args()); err != nil && !named {
			t.Errorf("dialctl %s: %v", given[1], err)
		}
	}
}
