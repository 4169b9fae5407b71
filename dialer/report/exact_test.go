package report

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// weakSources are packages whose numbers can be foretold, or rounded.
var weakSources = []string{"math/rand", "math/rand/v2", "math/cmplx"}

// inexact returns the faults of a package, by what the compiler knows of it: expressions and declarations whose type is or holds a
// floating-point or complex number, imports of weak sources, and imports of anything but the standard library. So no such number
// can enter, under whatever name, and no contact either.
func inexact(t *testing.T, files *token.FileSet, parsed []*ast.File) []string {
	t.Helper()
	var faults []string
	imports := map[string]bool{}
	for _, file := range parsed {
		for _, imported := range file.Imports {
			path, err := strconv.Unquote(imported.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			imports[path] = true
			first, _, _ := strings.Cut(path, "/")
			if slices.Contains(weakSources, path) || strings.Contains(first, ".") {
				faults = append(faults, fmt.Sprintf("%s: imports %s", files.Position(imported.Pos()), path))
			}
		}
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: exports(t, files, imports)}
	if _, err := config.Check("report", files, parsed, info); err != nil {
		t.Fatal(err)
	}
	for expression, value := range info.Types {
		if holdsFloat(value.Type, nil) {
			faults = append(faults, fmt.Sprintf("%s: an expression of type %s", files.Position(expression.Pos()), value.Type))
		}
	}
	for _, named := range []map[*ast.Ident]types.Object{info.Defs, info.Uses} {
		for name, object := range named {
			if object != nil && object.Type() != nil && holdsFloat(object.Type(), nil) {
				faults = append(faults, fmt.Sprintf("%s: %s of type %s", files.Position(name.Pos()), name.Name, object.Type()))
			}
		}
	}
	return faults
}

// holdsFloat tells whether a type is or holds a floating-point or complex number. It looks into what this package declares, and into
// the signatures of whatever it calls.
func holdsFloat(of types.Type, above []types.Type) bool {
	if slices.Contains(above, of) {
		return false
	}
	above = append(above, of)
	inside := func(parts ...types.Type) bool {
		return slices.ContainsFunc(parts, func(part types.Type) bool { return holdsFloat(part, above) })
	}
	switch kind := of.(type) {
	case *types.Basic:
		return kind.Info()&(types.IsFloat|types.IsComplex) != 0
	case *types.Named:
		if kind.Obj().Pkg() == nil || kind.Obj().Pkg().Path() != "report" {
			return inside(slices.Collect(kind.TypeArgs().Types())...) || isNumber(kind) && inside(kind.Underlying())
		}
		return inside(kind.Underlying())
	case *types.Alias:
		return inside(types.Unalias(kind))
	case *types.Map:
		return inside(kind.Key(), kind.Elem())
	case interface{ Elem() types.Type }: // pointer, slice, array, channel
		return inside(kind.Elem())
	case *types.Struct:
		for field := range kind.Fields() {
			if inside(field.Type()) {
				return true
			}
		}
	case *types.Signature:
		return inside(kind.Params(), kind.Results())
	case *types.Tuple:
		for value := range kind.Variables() {
			if inside(value.Type()) {
				return true
			}
		}
	}
	return false
}

// isNumber tells whether a named type is a number itself, as time.Duration is.
func isNumber(named *types.Named) bool {
	_, basic := named.Underlying().(*types.Basic)
	return basic
}

// exports returns an importer that reads what the compiler has written down of each package.
func exports(t *testing.T, files *token.FileSet, imports map[string]bool) types.Importer {
	t.Helper()
	list := []string{"list", "-deps", "-export", "-f", "{{.ImportPath}} {{.Export}}"}
	for path := range imports {
		list = append(list, path)
	}
	command := exec.CommandContext(t.Context(), "go", list...)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	output, err := command.Output()
	if err != nil {
		t.Fatal(err, complaint.String())
	}
	written := map[string]string{}
	for line := range strings.Lines(string(output)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		written[path] = file
	}
	return importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(written[path]) })
}

// parsePackage reads the package's own files, without its tests.
func parsePackage(t *testing.T, files *token.FileSet) (parsed []*ast.File) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	if len(parsed) == 0 {
		t.Fatal("no files")
	}
	return parsed
}

// Ensure that no floating-point number and no weak randomness can enter the draw, by anyone's later hand: nowhere in the package.
// And that the package stays apart: nothing but the standard library, so no contact in any type.
func TestPackage_ExactAndAlone(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("SKIPPED: the go command lists what packages export:", err)
	}
	files := token.NewFileSet()
	for _, fault := range inexact(t, files, parsePackage(t, files)) {
		t.Error(fault)
	}
}

// Ensure that each way in is seen, those that no search for a word would find among them.
func TestPackage_InexactIsSeen(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("SKIPPED: the go command lists what packages export:", err)
	}
	for name, text := range map[string]string{
		"a constant":        `const half = 1 / 2.0`,
		"a field":           `type figure struct{ shares []map[string]*float32 }`,
		"an inner value":    `import "time"; func f(d time.Duration) bool { return d.Hours() > 1 }`,
		"a result":          `import "math/big"; func f(r *big.Rat) bool { _, exact := r.Float64(); return exact }`,
		"a value passed on": `import ("fmt"; "math"); func f() string { return fmt.Sprint(math.Sqrt(2)) }`,
		"an argument":       `import "strconv"; var f = strconv.FormatFloat`,
		"a complex number":  `var i = 1i`,
		"a weak source":     `import "math/rand/v2"; var n = rand.Uint64()`,
	} {
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, "mutant.go", "package report; "+text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(name, err)
		}
		if len(inexact(t, files, []*ast.File{file})) == 0 {
			t.Errorf("%s was not seen: %s", name, text)
		}
	}
}
