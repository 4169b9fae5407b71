package configs

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What is read of a file, in bytes: the parser takes minutes over a long file
// of the wrong sort. A directory that declares all 35,000 French communes has a
// sixth of maxDirectory.
const (
	maxSettings  = 64 << 10 // settings and campaigns
	maxRegistry  = 1 << 20  // registries and packs
	maxDirectory = 4 << 20
)

// maxDepth bounds how deep lists and keys may nest; nothing of ours needs more
// than eight.
const maxDepth = 32

// maxFaults bounds how many faults of one file are told: whoever mends a
// hundred will check again.
const maxFaults = 100

// document is a YAML file with the place of every key and value in it, so that
// whatever is found wrong later can still be shown where it stands.
type document struct {
	file   string
	sum    [sha256.Size]byte
	lines  []string
	root   ast.Node // nil where the file is empty or no YAML
	marks  map[string]mark
	faults Faults
	// meant are the fields that unknown keys were likely meant for: they are
	// not reported as missing, too.
	meant map[string]bool
	// concealed tells that nothing of the file may be shown.
	concealed bool
}

// mark is a place in a file: line and column in characters, from 1.
type mark struct{ line, column int }

// parseDocument reads data as one YAML document of at most so many bytes. What
// is wrong with it is among the document's faults.
func parseDocument(file string, data []byte, most int) *document {
	d := &document{file: file, sum: sha256.Sum256(data), marks: map[string]mark{"": {1, 1}}, meant: map[string]bool{}}
	text := strings.TrimPrefix(string(data), "\ufeff")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	d.lines = strings.Split(text, "\n")
	switch at, depth := firstInvalid(text), deepest(text); {
	case len(data) > most:
		d.add(mark{}, "", fmt.Sprintf("the file is too long: %d bytes at most are read", most), "")
	case at >= 0:
		d.add(placeOf(text, at), "", "not text in UTF-8", "save the file as UTF-8")
	case depth >= 0:
		d.add(placeOf(text, depth), "", fmt.Sprintf("brackets nest deeper than %d", maxDepth), "")
	default:
		d.parse(text)
	}
	return d
}

func (d *document) parse(text string) {
	// The parser is exercised by a fuzz test, but a file that it cannot stand
	// must not take the daemon down on a reload.
	defer func() {
		if cause := recover(); cause != nil {
			d.root = nil
			d.add(mark{}, "", fmt.Sprintf("not YAML: %v", cause), "")
		}
	}()
	// Duplicate keys are let through here to be told one by one with the rest.
	file, err := parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.addSyntax(err)
		return
	}
	for _, part := range file.Docs {
		if part.Body == nil || part.Body.Type() == ast.NullType {
			continue
		}
		if d.root != nil {
			d.add(markOf(part.Body), "", "a second document begins", "one file holds one document: remove the line ---")
			return
		}
		d.root = part.Body
	}
	if d.root != nil {
		d.marks[""] = markOf(d.root)
	}
}

func (d *document) addSyntax(err error) {
	reason, at := err.Error(), mark{}
	if syntax, ok := errors.AsType[yaml.Error](err); ok {
		reason = syntax.GetMessage()
		at = markOfToken(syntax.GetToken())
	}
	hint := ""
	if at.line > 0 && at.line <= len(d.lines) && strings.HasPrefix(strings.TrimLeft(d.lines[at.line-1], " "), "\t") {
		hint = "indent with spaces: YAML knows no tabs there"
	}
	d.add(at, "", "not YAML: "+reason, hint)
}

// conceal keeps what the file holds out of its faults, those found already
// included.
func (d *document) conceal() {
	d.concealed = true
	for i := range d.faults {
		d.faults[i].conceal()
	}
}

// err returns the faults in the order of the file, or nil where there are none.
func (d *document) err() error {
	if len(d.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(d.faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return d.faults
}

// add records a fault at a place.
func (d *document) add(at mark, field, reason, hint string) {
	switch len(d.faults) {
	case maxFaults:
		return
	case maxFaults - 1:
		at, field, reason, hint = mark{}, "", "more is wrong with this file than is told here", ""
	}
	fault := Fault{File: d.file, Field: field, Reason: reason, Hint: hint}
	if at.line >= 1 && at.line <= len(d.lines) {
		fault.Line, fault.Column = at.line, max(at.column, 1)
		fault.Source = withoutSecret(d.lines[at.line-1])
	}
	if d.concealed {
		fault.conceal()
	}
	d.faults = append(d.faults, fault)
}

// fault records a fault at a field; where the field is not in the file, at the
// nearest key above it. Reason is a format for args.
func (d *document) fault(field, hint, reason string, args ...any) {
	d.add(d.markFor(field), field, fmt.Sprintf(reason, args...), hint)
}

func (d *document) markFor(field string) mark {
	for {
		if at, ok := d.marks[field]; ok {
			return at
		}
		cut := strings.LastIndexAny(field, ".[")
		if cut < 0 {
			return d.marks[""]
		}
		field = field[:cut]
	}
}

// has tells whether the file says anything about the field.
func (d *document) has(field string) bool {
	_, ok := d.marks[field]
	return ok
}

// markOf returns where a node begins. For a block of keys that is its first
// key.
func markOf(node ast.Node) mark {
	switch n := node.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return markOfToken(n.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		return markOfToken(n.Key.GetToken())
	}
	return markOfToken(node.GetToken())
}

func markOfToken(t *token.Token) mark {
	if t == nil || t.Position == nil {
		return mark{}
	}
	return mark{t.Position.Line, t.Position.Column}
}

// placeOf turns an offset in bytes into a mark.
func placeOf(text string, offset int) mark {
	before := text[:offset]
	start := strings.LastIndexByte(before, '\n') + 1
	return mark{1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[start:])}
}

// firstInvalid returns the offset of the first byte that is not UTF-8, or -1.
func firstInvalid(text string) int {
	for i, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				return i
			}
		}
	}
	return -1
}

// deepest returns the offset where brackets nest too deep, or -1. It counts
// those in quotes and comments, too: no file of ours comes near the limit, and
// the parser would recurse before it could be asked.
func deepest(text string) int {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		if depth > maxDepth {
			return i
		}
	}
	return -1
}
