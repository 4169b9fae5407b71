package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Ensure that every command of dialctl that the operators' handbook gives exists, and
// has the flags that are given there.
func TestOperations_Commands(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "OPERATIONS.md"))
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile("(?m)(?:^|`)dialctl ([^`#\n]+)").FindAllStringSubmatch(string(page), -1)
	if len(commands) < 20 {
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
		if err := command.ValidateArgs(command.Flags().Args()); err != nil {
			t.Errorf("dialctl %s: %v", given[1], err)
		}
	}
}
