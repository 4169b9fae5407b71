package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maximumNesting bounds how deep brackets nest in a file of faults, before its
// parser would recurse.
const maximumNesting = 16

// parseNodes parses one document.
func parseNodes(text []byte) (file *ast.File, wrong *FaultsFileError) {
	// The parser is exercised by a fuzz test, but a text that it cannot stand must
	// not take the sandbox down.
	defer func() {
		if cause := recover(); cause != nil {
			file, wrong = nil, &FaultsFileError{Reason: fmt.Sprintf("not YAML: %v", cause)}
		}
	}()
	trimmed := bytes.TrimSpace(text)
	switch {
	case len(text) > MaximumFaultsFile:
		return nil, &FaultsFileError{Reason: fmt.Sprintf("longer than %d bytes", MaximumFaultsFile)}
	case !utf8.Valid(text):
		return nil, &FaultsFileError{Reason: "not text in UTF-8", Hint: "save the file as UTF-8"}
	case len(trimmed) == 0:
		return nil, &FaultsFileError{Reason: "nothing stands there", Hint: "{} means that nothing goes wrong"}
	case nesting(text) > maximumNesting:
		return nil, &FaultsFileError{Reason: fmt.Sprintf("brackets nest deeper than %d", maximumNesting)}
	case trimmed[0] == '{':
		// JSON may be indented with tabs, which YAML refuses.
		text = bytes.ReplaceAll(text, []byte{'\t'}, []byte{' '})
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, notYAML(err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, &FaultsFileError{Reason: "this is not one document", Hint: "remove the lines ---"}
	}
	var foreign forbidden
	ast.Walk(&foreign, file.Docs[0].Body)
	if foreign.at != nil {
		wrong = at(foreign.at)
		wrong.Reason, wrong.Hint = "anchors, aliases, merges and tags are not read", "write the value out where it is meant"
		return nil, wrong
	}
	return file, nil
}

// forbidden finds what YAML can do and nobody needs here.
type forbidden struct{ at *token.Token }

// Visit looks at one node.
func (found *forbidden) Visit(node ast.Node) ast.Visitor {
	switch node.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		if found.at == nil {
			found.at = node.GetToken()
		}
	}
	return found
}

// nesting returns how deep brackets nest. Those in quotation marks count too: no
// file of faults comes near the limit.
func nesting(text []byte) int {
	depth, deepest := 0, 0
	for _, char := range text {
		switch char {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		deepest = max(deepest, depth)
	}
	return deepest
}

// decodeFaults fills a document with what the file says.
func decodeFaults(file *ast.File, into *faultsDocument) (wrong *FaultsFileError) {
	defer func() {
		if cause := recover(); cause != nil {
			wrong = &FaultsFileError{Reason: fmt.Sprintf("not YAML: %v", cause)}
		}
	}()
	err := yaml.NodeToValue(file.Docs[0].Body, into, yaml.Strict())
	if err == nil {
		return nil
	}
	if mistyped, ok := errors.AsType[*yaml.TypeError](err); ok {
		wrong = at(mistyped.Token)
		wrong.Reason = wanted(mistyped)
		return wrong
	}
	wrong = notYAML(err)
	if unknown, ok := errors.AsType[*yaml.UnknownFieldError](err); ok {
		wrong.Reason, wrong.Hint = fmt.Sprintf("the key %q is not known", unknown.Token.Value), knownKeys
	}
	return wrong
}

// wanted says what should stand where something else does.
func wanted(mistyped *yaml.TypeError) string {
	switch mistyped.DstType.Kind() {
	case reflect.Float64:
		return "a number is wanted here"
	case reflect.Slice:
		return "a list is wanted here"
	case reflect.Map, reflect.Struct:
		return "keys with values are wanted here"
	default:
		return "one value is wanted here"
	}
}

func notYAML(err error) *FaultsFileError {
	syntax, ok := errors.AsType[yaml.Error](err)
	if !ok {
		return &FaultsFileError{Reason: err.Error()}
	}
	wrong := at(syntax.GetToken())
	wrong.Reason = syntax.GetMessage()
	return wrong
}

func at(found *token.Token) *FaultsFileError {
	if found == nil || found.Position == nil {
		return &FaultsFileError{}
	}
	return &FaultsFileError{Line: found.Position.Line, Column: found.Position.Column}
}

// placed finds where the field stands that is not valid, or what it is part of.
func placed(file *ast.File, err error) *FaultsFileError {
	found, ok := errors.AsType[*invalid](err)
	if !ok {
		return &FaultsFileError{Reason: err.Error()}
	}
	wrong := &FaultsFileError{}
	for field := found.field; field != "" && wrong.Line == 0; field = field[:max(strings.LastIndexAny(field, ".["), 0)] {
		path, err := yaml.PathString("$." + field)
		if err != nil {
			continue
		}
		if node, err := path.FilterFile(file); err == nil {
			wrong = at(start(node))
		}
	}
	wrong.Field, wrong.Reason, wrong.Hint = masked(found.field), found.reason, found.hint
	return wrong
}

// start returns where a node begins: a block of keys at the first of them.
func start(node ast.Node) *token.Token {
	if block, ok := node.(*ast.MappingNode); ok && !block.IsFlowStyle && len(block.Values) > 0 {
		return block.Values[0].Key.GetToken()
	}
	return node.GetToken()
}
