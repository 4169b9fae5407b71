package configs

import (
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml/ast"
)

// wanted says in a fault what a kind of Go value takes.
var wanted = map[reflect.Kind]string{
	reflect.String: "a text is", reflect.Bool: "true or false is",
	reflect.Int: "a whole number is", reflect.Int64: "a whole number is",
	reflect.Uint16: "a whole number from 0 is", reflect.Uint64: "a whole number from 0 is",
	reflect.Float64: "a number is",
}

// wrongType records that something else stands where a kind of value belongs.
func (d *document) wrongType(field string, node ast.Node, want string) {
	hint := ""
	switch node.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		switch want {
		case wanted[reflect.String]:
			hint = fmt.Sprintf("put it in quotes: %q", node.GetToken().Value)
		case wanted[reflect.Int], wanted[reflect.Uint64]:
			hint = "write plain decimal digits"
		}
	case *ast.StringNode, *ast.LiteralNode:
		if want == "a list is" {
			hint = "put it in brackets, even if it is the only one"
		}
	}
	d.add(markOf(node), field, fmt.Sprintf("%s stands where %s wanted", describe(node), want), hint)
}

func describe(node ast.Node) string {
	switch node.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "a text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "the number " + node.GetToken().Value
	case *ast.BoolNode:
		return "true or false"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a block of keys"
	default:
		return "something else"
	}
}

// textOf returns the text of a node that is one.
func textOf(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	default:
		return "", false
	}
}

// rawText returns a single value as it was written: an amount such as 0.0725
// must not pass through a binary fraction.
func rawText(node ast.Node) (string, bool) {
	if text, ok := textOf(node); ok {
		return text, true
	}
	switch node.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return node.GetToken().Value, true
	default:
		return "", false
	}
}

// anything fills a value whose type only its reader knows, such as a rule's
// parameters: texts, numbers, booleans, []any and map[string]any.
func (d *document) anything(field string, node ast.Node, target reflect.Value, depth int) {
	var filled any
	switch n := node.(type) {
	case *ast.SequenceNode:
		var items []any
		d.value(field, node, reflect.ValueOf(&items).Elem(), depth)
		filled = items
	case *ast.MappingNode, *ast.MappingValueNode:
		var keys map[string]any
		d.value(field, node, reflect.ValueOf(&keys).Elem(), depth)
		filled = keys
	case *ast.BoolNode:
		filled = n.Value
	case *ast.IntegerNode:
		var number int64
		d.scalar(field, node, reflect.ValueOf(&number).Elem())
		filled = number
	case *ast.FloatNode:
		filled = n.Value
	default:
		text, ok := textOf(node)
		if !ok {
			d.wrongType(field, node, "a value is")
			return
		}
		filled = text
	}
	target.Set(reflect.ValueOf(filled))
}
