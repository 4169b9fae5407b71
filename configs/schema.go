package configs

import (
	"embed"
	"fmt"
)

//go:embed schema/*.schema.json
var schemas embed.FS

// SchemaNames are the files that Schema knows.
var SchemaNames = []string{"config", "registry", "directory", "job", "test-numbers"}

// Schema returns the JSON schema (draft 2020-12) of a kind of file, one of
// SchemaNames. It lets editors and other programs find faults early; whether a
// file is sound, only reading it tells. An unknown name is an error.
func Schema(name string) ([]byte, error) {
	text, err := schemas.ReadFile("schema/" + name + ".schema.json")
	if err != nil {
		return nil, fmt.Errorf("there is no schema %q: %s", name, suggest(name, SchemaNames))
	}
	return text, nil
}
