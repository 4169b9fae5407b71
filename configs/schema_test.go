package configs

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/hustings/hustings/dialer"
)

// described are the schemas with the struct that reads such a file.
var described = map[string]reflect.Type{
	"config":    reflect.TypeFor[Config](),
	"registry":  reflect.TypeFor[registryFile](),
	"directory": reflect.TypeFor[DirectorySchema](),
	"job":       reflect.TypeFor[dialer.Job](),

	"test-numbers": reflect.TypeFor[testNumbersFile](),
}

func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	text, err := Schema(name)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(name, document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func validate(t *testing.T, schema *jsonschema.Schema, path string) error {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	inJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(inJSON))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(document)
}

// Ensure that the examples are what the published schemas describe.
func TestSchema_Examples(t *testing.T) {
	t.Parallel()
	for path, name := range map[string]string{
		"dialerd.yaml": "config", "dialerd.twilio.yaml": "config", "registry.yaml": "registry", "directory.yaml": "directory",
		"campaigns/party-a-seniors.yaml": "job", "campaigns/party-b-seniors.yaml": "job",
		"campaigns/party-a-variants.yaml": "job", "campaigns/party-a-calls.yaml": "job",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			if err := validate(t, compile(t, name), path); err != nil {
				t.Error(err)
			}
		})
	}
}

// Ensure that a schema refuses broken files, too: those with an unknown key, of
// a wrong type or without what is required.
func TestSchema_Refuses(t *testing.T) {
	t.Parallel()
	for path, name := range map[string]string{
		"config-unknown-key": "config", "config-wrong-type": "config", "config-out-of-range": "config",
		"registry-missing": "registry", "registry-polling-day": "registry", "registry-election-kind": "registry",
		"directory-columns": "directory", "directory-kind": "directory",
		"campaign-missing": "job", "campaign-unknown-key": "job", "campaign-wrong-type": "job",
		"testnumbers-all": "test-numbers", "testnumbers-empty": "test-numbers",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			if err := validate(t, compile(t, name), filepath.Join("testdata/faults", path+".yaml")); err == nil {
				t.Error("the schema lets it through")
			}
		})
	}
}

// Ensure that schemas and structs name the same keys, and that every key is
// described.
func TestSchema_SameKeysAsStructs(t *testing.T) {
	t.Parallel()
	if got := slices.Sorted(maps.Keys(described)); !slices.Equal(got, slices.Sorted(slices.Values(SchemaNames))) {
		t.Fatalf("tested are %v, published %v", got, SchemaNames)
	}
	for name, kind := range described {
		text, err := Schema(name)
		if err != nil {
			t.Fatal(err)
		}
		var root node
		if err := json.Unmarshal(text, &root); err != nil {
			t.Fatal(err)
		}
		inSchema := root.keys(t, "")
		slices.Sort(inSchema)
		inStruct := structPaths("", kind)
		slices.Sort(inStruct)
		if diff := cmp.Diff(inStruct, inSchema); diff != "" {
			t.Errorf("%s (-struct +schema):\n%s", name, diff)
		}
	}
}

// Ensure that a wrong name gets a hint.
func TestSchema_Unknown(t *testing.T) {
	t.Parallel()
	if _, err := Schema("jobs"); err == nil || !strings.Contains(err.Error(), `"job"`) {
		t.Errorf("got %v", err)
	}
}

type node struct {
	Description string          `json:"description"`
	Properties  map[string]node `json:"properties"`
	Items       *node           `json:"items"`
	Additional  any             `json:"additionalProperties"`
}

func (n node) keys(t *testing.T, field string) []string {
	t.Helper()
	if n.Properties != nil && n.Additional != false {
		t.Errorf("%s: other keys are let through", field)
	}
	if n.Items != nil {
		return n.Items.keys(t, field+"[]")
	}
	var paths []string
	for key, below := range n.Properties {
		if below.Description == "" {
			t.Errorf("%s: is not described", join(field, key))
		}
		paths = append(paths, join(field, key))
		paths = append(paths, below.keys(t, join(field, key))...)
	}
	return paths
}

func structPaths(field string, kind reflect.Type) []string {
	switch kind.Kind() {
	case reflect.Pointer:
		return structPaths(field, kind.Elem())
	case reflect.Slice:
		return structPaths(field+"[]", kind.Elem())
	case reflect.Struct:
		var paths []string
		for _, key := range keysOf(kind) {
			paths = append(paths, join(field, key.name))
			paths = append(paths, structPaths(join(field, key.name), kind.FieldByIndex(key.index).Type)...)
		}
		return paths
	default:
		return nil
	}
}
