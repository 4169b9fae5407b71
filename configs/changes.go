package configs

import (
	"reflect"
	"strings"
)

// Changes returns the settings in which the other configuration differs from c, by
// their keys, such as "log.level", in the order of the file.
func (c *Config) Changes(other *Config) []string {
	return changes("", reflect.ValueOf(*c), reflect.ValueOf(*other))
}

func changes(key string, a, b reflect.Value) (found []string) {
	if a.Kind() != reflect.Struct || !hasKeys(a.Type()) {
		if !reflect.DeepEqual(a.Interface(), b.Interface()) {
			found = append(found, key)
		}
		return found
	}
	for i := range a.NumField() {
		name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("yaml"), ",")
		if name == "" {
			continue // no setting
		}
		if key != "" {
			name = key + "." + name
		}
		found = append(found, changes(name, a.Field(i), b.Field(i))...)
	}
	return found
}

// hasKeys tells whether a setting has settings within it: an instant has none.
func hasKeys(t reflect.Type) bool {
	for field := range t.Fields() {
		if field.Tag.Get("yaml") != "" {
			return true
		}
	}
	return false
}

// Files returns the files, beside the configuration itself and the packs, that were
// read at the start, by the keys that name them.
func (c *Config) Files() map[string]string {
	files := map[string]string{}
	for key, path := range map[string]string{"registry": c.RegistryFile, "directory": c.DirectoryFile, "test_numbers": c.TestNumbersFile} {
		if path != "" {
			files[key] = path
		}
	}
	return files
}
