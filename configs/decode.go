package configs

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// decode fills the struct that into points to with what the document says, and
// records a fault for everything that the struct does not know: a key that is
// unknown here may be a limit that somebody relies on. Keys that the file does
// not name keep their value.
//
// The YAML library's own decoder stops at the first fault. This one goes on, so
// that a file is mended in one go, and it notes the place of every key for the
// checks that come after it.
func (d *document) decode(into any) {
	target := reflect.ValueOf(into).Elem()
	if d.root == nil {
		if len(d.faults) == 0 {
			d.structure("", nil, target, 0)
		}
		return
	}
	d.value("", d.root, target, 0)
}

func (d *document) value(field string, node ast.Node, target reflect.Value, depth int) {
	if _, known := d.marks[field]; !known {
		d.marks[field] = markOf(node)
	}
	switch node.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		d.add(markOf(node), field, "anchors, aliases and tags are not read", "write the value out where it is meant")
		return
	case *ast.NullNode:
		d.add(markOf(node), field, "has no value", "give it one or leave the key out")
		return
	}
	if depth > maxDepth {
		d.add(markOf(node), field, fmt.Sprintf("nests deeper than %d", maxDepth), "")
		return
	}
	if d.text(field, node, target) {
		return
	}
	switch target.Kind() {
	case reflect.Pointer:
		target.Set(reflect.New(target.Type().Elem()))
		d.value(field, node, target.Elem(), depth)
	case reflect.Struct:
		if pairs, ok := d.pairs(field, node); ok {
			d.structure(field, pairs, target, depth)
		}
	case reflect.Map:
		if pairs, ok := d.pairs(field, node); ok {
			d.mapping(field, pairs, target, depth)
		}
	case reflect.Slice:
		d.sequence(field, node, target, depth)
	case reflect.Interface:
		d.anything(field, node, target, depth)
	default:
		d.scalar(field, node, target)
	}
}

// pair is one key with its value.
type pair struct {
	key  string
	at   mark
	node ast.Node
}

// pairs returns the keys of a mapping, each once.
func (d *document) pairs(field string, node ast.Node) ([]pair, bool) {
	mapping, ok := node.(ast.MapNode)
	if !ok {
		d.wrongType(field, node, "keys with values are")
		return nil, false
	}
	var pairs []pair
	first := make(map[string]mark)
	for next := mapping.MapRange(); next.Next(); {
		at := markOf(next.Key())
		key, isText := textOf(next.Key())
		if !isText || next.Key().IsMergeKey() {
			d.add(at, field, "this is not a key", "a key is a plain word")
			continue
		}
		if earlier, twice := first[key]; twice {
			d.add(at, join(field, key), fmt.Sprintf("stands there twice, first on line %d", earlier.line), "leave one of them")
			continue
		}
		first[key] = at
		pairs = append(pairs, pair{key, at, next.Value()})
	}
	return pairs, true
}

func (d *document) structure(field string, pairs []pair, target reflect.Value, depth int) {
	keys := keysOf(target.Type())
	for _, p := range pairs {
		at := slices.IndexFunc(keys, func(k structKey) bool { return k.name == p.key })
		if at < 0 {
			d.unknown(field, p, keys)
			continue
		}
		d.markPair(field, p)
		d.value(join(field, p.key), p.node, target.FieldByIndex(keys[at].index), depth+1)
	}
	for _, key := range keys {
		if key.required && !d.meant[join(field, key.name)] && !slices.ContainsFunc(pairs, func(p pair) bool { return p.key == key.name }) {
			d.fault(join(field, key.name), "", "is missing")
		}
	}
}

// markPair notes a block at its key, which is what a reader looks for, and a
// plain value at the value.
func (d *document) markPair(field string, p pair) {
	switch p.node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode, *ast.LiteralNode, *ast.NullNode:
		d.marks[join(field, p.key)] = p.at
	default:
		d.marks[join(field, p.key)] = markOf(p.node)
	}
}

func (d *document) mapping(field string, pairs []pair, target reflect.Value, depth int) {
	kind := target.Type()
	filled := reflect.MakeMapWithSize(kind, len(pairs))
	for _, p := range pairs {
		d.markPair(field, p)
		element := reflect.New(kind.Elem()).Elem()
		d.value(join(field, p.key), p.node, element, depth+1)
		filled.SetMapIndex(reflect.ValueOf(p.key).Convert(kind.Key()), element)
	}
	target.Set(filled)
}

func (d *document) sequence(field string, node ast.Node, target reflect.Value, depth int) {
	items, ok := node.(*ast.SequenceNode)
	if !ok {
		d.wrongType(field, node, "a list is")
		return
	}
	filled := reflect.MakeSlice(target.Type(), len(items.Values), len(items.Values))
	for i, item := range items.Values {
		d.value(fmt.Sprintf("%s[%d]", field, i), item, filled.Index(i), depth+1)
	}
	target.Set(filled)
}

// text fills types that read themselves from a text, and tells whether target
// is one.
func (d *document) text(field string, node ast.Node, target reflect.Value) bool {
	var read func(string) error
	hint := ""
	switch into := target.Addr().Interface().(type) {
	case *time.Time:
		hint = "write the instant with its offset, such as 2027-03-09T10:00:00+01:00"
		read = func(text string) (err error) { *into, err = readInstant(text); return err }
	case *time.Duration:
		hint = "write a number with a unit, such as 90s, 15m or 24h"
		read = func(text string) (err error) { *into, err = readDuration(text); return err }
	case encoding.TextUnmarshaler:
		read = func(text string) error { return into.UnmarshalText([]byte(text)) }
	default:
		return false
	}
	text, ok := rawText(node)
	if !ok {
		d.wrongType(field, node, "one value is")
		return true
	}
	if err := read(text); err != nil {
		d.add(markOf(node), field, err.Error(), hint)
	}
	return true
}

func readInstant(text string) (time.Time, error) {
	instant, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no instant", text)
	}
	return instant, nil
}

func readDuration(text string) (time.Duration, error) {
	duration, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration", text)
	}
	return duration, nil
}

// join appends a key to the path of a field.
func join(field, key string) string {
	if field == "" {
		return key
	}
	return field + "." + key
}

// structKey is a key that a struct knows.
type structKey struct {
	name     string
	index    []int
	required bool
}

// keysOf returns the keys of a struct: the yaml tag's or, for nouns that travel
// as JSON, the json tag's. The tag want:"required" refuses a file without it.
func keysOf(t reflect.Type) []structKey {
	var keys []structKey
	for f := range t.Fields() {
		tag, tagged := f.Tag.Lookup("yaml")
		if !tagged {
			tag, tagged = f.Tag.Lookup("json")
		}
		if name, _, _ := strings.Cut(tag, ","); f.IsExported() && tagged && name != "-" {
			keys = append(keys, structKey{name, f.Index, f.Tag.Get("want") == "required"})
		}
	}
	return keys
}

func (d *document) unknown(field string, p pair, keys []structKey) {
	names := make([]string, len(keys))
	for i := range keys {
		names[i] = keys[i].name
	}
	hint := suggest(p.key, names)
	if secretKey.MatchString(p.key + ": x") {
		hint = "a secret never stands in a file like this one: name a file that holds it, or set it in the environment"
	} else if near := nearest(p.key, names); near != "" {
		d.meant[join(field, near)] = true
	}
	d.add(p.at, join(field, p.key), "this key is not known", hint)
}

func (d *document) scalar(field string, node ast.Node, target reflect.Value) {
	text, _ := rawText(node)
	var fits bool
	switch target.Kind() {
	case reflect.String:
		if text, fits = textOf(node); fits {
			target.SetString(text)
		}
	case reflect.Bool:
		if fits = node.Type() == ast.BoolType; fits {
			target.SetBool(strings.EqualFold(text, "true"))
		}
	case reflect.Int, reflect.Int64:
		number, err := strconv.ParseInt(text, 10, target.Type().Bits())
		if fits = err == nil && node.Type() == ast.IntegerType; fits {
			target.SetInt(number)
		}
	case reflect.Uint16, reflect.Uint64:
		number, err := strconv.ParseUint(text, 10, target.Type().Bits())
		if fits = err == nil && node.Type() == ast.IntegerType; fits {
			target.SetUint(number)
		}
	case reflect.Float64:
		number, err := strconv.ParseFloat(text, 64)
		if fits = err == nil && (node.Type() == ast.IntegerType || node.Type() == ast.FloatType); fits {
			target.SetFloat(number)
		}
	default:
		panic(fmt.Sprintf("%s: no file can hold a %s", field, target.Type())) // a struct of ours
	}
	if !fits {
		d.wrongType(field, node, wanted[target.Kind()])
	}
}
