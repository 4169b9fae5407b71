package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pageNames are the pages for people that give commands.
var pageNames = []string{"README.md", "OPERATIONS.md", "CONTRIBUTING.md", filepath.Join("configs", "packs", "README.md")}

// page is a page's text.
type page string

func readPage(t *testing.T, name string) page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return page(text)
}

// parts parts the page's shell blocks, which name no other language, from the rest.
func (p page) parts() (shell, rest string) {
	var inShell, inOther strings.Builder
	fence := ""
	for line := range strings.Lines(string(p)) {
		switch trimmed := strings.TrimSpace(line); {
		case fence == "" && strings.HasPrefix(trimmed, "```"):
			fence = trimmed
		case trimmed == "```":
			fence = ""
		case fence == "```":
			_, _ = inShell.WriteString(line)
		default:
			_, _ = inOther.WriteString(line)
		}
	}
	return inShell.String(), inOther.String()
}

// lines returns the lines of the page's shell blocks, in order and without their
// comments.
func (p page) lines() (lines []string) {
	shell, _ := p.parts()
	for line := range strings.Lines(shell) {
		line, _, _ = strings.Cut(line, " #")
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// spokenOf is a command of ours in a sentence.
var spokenOf = regexp.MustCompile("`((?:\\./)?(?:dialctl|dialerd|sandbox) [^`\n]+)`")

// commands returns all commands of ours that the page gives.
func (p page) commands() (commands []string) {
	for _, line := range p.lines() {
		commands = append(commands, commandsIn(line)...)
	}
	_, rest := p.parts()
	for _, spoken := range spokenOf.FindAllStringSubmatch(rest, -1) {
		commands = append(commands, spoken[1])
	}
	return commands
}

// Ensure that every command of dialctl that the pages for people give exists, and has
// the flags and arguments that are given there.
func TestPages_Commands(t *testing.T) {
	t.Parallel()
	for name, least := range map[string]int{"OPERATIONS.md": 20, "README.md": 30, filepath.Join("configs", "packs", "README.md"): 6} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			commands := readPage(t, name).commands()
			if len(commands) < least {
				t.Fatalf("%d commands were found: is the page written otherwise?", len(commands))
			}
			inBlocks := len(commandsIn(strings.Join(readPage(t, name).lines(), ";")))
			for i, command := range commands {
				checkCommand(t, strings.TrimPrefix(command, "./"), i >= inBlocks)
			}
		})
	}
}

// checkCommand checks one command. In a sentence it may be called by its name alone.
func checkCommand(t *testing.T, given string, spoken bool) {
	t.Helper()
	words := strings.Fields(regexp.MustCompile(`"[^"]*"`).ReplaceAllString(given, "TEXT"))
	if words[0] != "dialctl" {
		return
	}
	command, rest, err := (&app{}).rootCommand().Find(words[1:])
	if err != nil || !command.Runnable() {
		t.Errorf("%s: there is no such command (%v)", given, err)
		return
	}
	if err := command.ParseFlags(rest); err != nil {
		t.Errorf("%s: %v", given, err)
		return
	}
	named := command.Flags().NArg() == 0 && spoken
	if err := command.ValidateArgs(command.Flags().Args()); err != nil && !named {
		t.Errorf("%s: %v", given, err)
	}
}
