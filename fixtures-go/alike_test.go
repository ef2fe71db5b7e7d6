package shop_test

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What would tell a reader of a profile, of /proc or of metrics what the program is for.
var telling = []string{"leak", "fixture", "healthy", "twin", "repaired", "drill", "culprit"}

// tells returns the first telling word of a text. What Go itself says, of its profile of that name and in it, is
// everybody's, and so is the name of a library.
func tells(text string) string {
	text = strings.ToLower(text)
	for _, own := range []string{"goroutineleak", "goroutine leak", "leaked goroutines", "(leaked)", "goleak"} {
		text = strings.ReplaceAll(text, own, "")
	}
	for _, word := range telling {
		if strings.Contains(text, word) {
			return word
		}
	}
	return ""
}

// Without a dose, two processes of a program and of its twin look the same from outside.
func TestAlike(t *testing.T) {
	eachFixture(t, fixture.hasTwin, func(t *testing.T, fixture fixture) {
		u := newUpstream(t)
		line := setting(fixture.Case, 0, 0, u.address())
		leaky, healthy := start(t, "leaky", fixture.Program, line), start(t, "healthy", fixture.Program, line)
		for _, p := range []*process{leaky, healthy} {
			p.await("ready", 1)
			work(p, u)
			p.collect()
			if told := p.told("leak"); told != nil {
				t.Errorf("without a dose it told %+v", told)
			}
		}
		for what, look := range looks {
			eventuallySame(t, what, func() string { return look(t, healthy) }, func() string { return look(t, leaky) })
			if word := tells(look(t, leaky)); word != "" {
				t.Errorf("%s tells %q: %s", what, word, look(t, leaky))
			}
		}
	})
}

// looks is what can be seen of a process from outside.
var looks = map[string]func(*testing.T, *process) string{
	"command line": func(t *testing.T, p *process) string { return read(t, p.proc("cmdline")) },
	"environment":  func(t *testing.T, p *process) string { return read(t, p.proc("environ")) },
	"name":         func(t *testing.T, p *process) string { return read(t, p.proc("comm")) },
	"limits":       func(t *testing.T, p *process) string { return read(t, p.proc("limits")) },
	"executable": func(t *testing.T, p *process) string {
		target, err := os.Readlink(p.proc("exe"))
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Base(target)
	},
	"threads": func(t *testing.T, p *process) string {
		names := map[string]bool{}
		files, _ := filepath.Glob(p.proc("task/*/comm"))
		for _, file := range files {
			if name, err := os.ReadFile(file); err == nil {
				names[string(name)] = true
			}
		}
		return sorted(names)
	},
	"descriptors": func(t *testing.T, p *process) string {
		kinds := p.descriptors()
		slices.Sort(kinds)
		return strings.Join(kinds, "\n")
	},
	"metrics": func(t *testing.T, p *process) string {
		names := map[string]bool{}
		for line := range strings.Lines(p.get("/metrics")) {
			if name, _, sample := strings.Cut(line, " "); sample && name != "#" {
				names[name] = true
			} else {
				names[line] = true
			}
		}
		return sorted(names)
	},
	"profiles on offer": func(t *testing.T, p *process) string {
		names := map[string]bool{}
		for line := range strings.Lines(p.get("/debug/pprof/")) {
			if _, link, found := strings.Cut(line, "href='"); found {
				link, _, _ = strings.Cut(link, "'")
				names[link] = true
			}
		}
		return sorted(names)
	},
	"functions of the goroutines": func(t *testing.T, p *process) string {
		return functions(p.get("/debug/pprof/goroutine?debug=1"))
	},
	"goroutines": func(t *testing.T, p *process) string {
		first, _, _ := strings.Cut(p.get("/debug/pprof/goroutine?debug=1"), "\n")
		return first
	},
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// functions lists functions, files and lines of a debug=1 profile: lines "#\t0xaddress\tfunction+0xoffset\tfile:line".
func functions(profile string) string {
	names := map[string]bool{}
	for line := range strings.Lines(profile) {
		if fields := strings.Split(strings.TrimSpace(line), "\t"); fields[0] == "#" && len(fields) >= 4 {
			function, _, _ := strings.Cut(fields[2], "+0x")
			names[function+" "+fields[len(fields)-1]] = true
		}
	}
	return sorted(names)
}

// With a dose, what a profile shows is a program of this shop, and no word says more.
func TestProfilesTellNothing(t *testing.T) {
	eachFixture(t, every, func(t *testing.T, fixture fixture) {
		variants := []string{"leaky", "healthy"}
		if fixture.calm() || fixture.dies() {
			variants = variants[1:]
		}
		for _, variant := range variants {
			u := newUpstream(t)
			p := start(t, variant, fixture.Program, setting(fixture.Case, 2, 3, u.address()))
			p.await("ready", 1)
			work(p, u)
			for _, path := range []string{"goroutine?debug=1", "goroutine?debug=2", "heap?debug=1", "allocs?debug=1", "block?debug=1",
				"mutex?debug=1", "threadcreate?debug=1", "goroutineleak?debug=2", "cmdline"} {
				if word := tells(p.get("/debug/pprof/" + path)); word != "" {
					t.Errorf("%s: %s tells %q", variant, path, word)
				}
			}
			if word := tells(p.get("/metrics")); word != "" {
				t.Errorf("%s: metrics tell %q", variant, word)
			}
		}
	})
}

// The symbols of a program and of its twin are the same, and ours among them are neutral.
func TestSymbols(t *testing.T) {
	folder := programsFolder(t)
	eachFixture(t, every, func(t *testing.T, fixture fixture) {
		if fixture.calm() {
			for name := range symbols(t, filepath.Join(folder, "healthy", fixture.Program)) {
				if word := tells(name); word != "" {
					t.Errorf("%s: symbol %s tells %q", fixture.Program, name, word)
				}
			}
			return
		}
		leaky := symbols(t, filepath.Join(folder, "leaky", fixture.Program))
		healthy := symbols(t, filepath.Join(folder, "healthy", fixture.Program))
		for name := range leaky {
			if !healthy[name] {
				t.Errorf("%s: only the one as written has %s", fixture.Program, name)
			}
			if word := tells(name); word != "" {
				t.Errorf("%s: symbol %s tells %q", fixture.Program, name, word)
			}
		}
		for name := range healthy {
			if !leaky[name] {
				t.Errorf("%s: only the twin has %s", fixture.Program, name)
			}
		}
		one, other := buildFacts(t, filepath.Join(folder, "leaky", fixture.Program)), buildFacts(t, filepath.Join(folder, "healthy", fixture.Program))
		if one != other {
			t.Errorf("%s: built as\n%s\nbut the twin as\n%s", fixture.Program, one, other)
		}
	})
	for _, upstream := range list(t).Upstreams {
		for name := range symbols(t, filepath.Join(folder, "upstream", upstream.Program)) {
			if word := tells(name); word != "" {
				t.Errorf("%s: symbol %s tells %q", upstream.Program, name, word)
			}
		}
	}
}

var sourceFile = regexp.MustCompile(`shop/[a-z0-9_/]+\.go`)

// symbols are those of our own packages, with the files they are from.
func symbols(t *testing.T, path string) map[string]bool {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all, err := file.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	ours := map[string]bool{}
	for _, symbol := range all {
		if strings.Contains(symbol.Name, "shop/") || strings.HasPrefix(symbol.Name, "main.") {
			ours[symbol.Name] = true
		}
	}
	// A profile shows the names of files too. They are in the table that it is made from, whether or not one saw them.
	for _, name := range sourceFile.FindAllString(read(t, path), -1) {
		ours[name] = true
	}
	if len(ours) < 10 {
		t.Fatalf("%s has %d symbols of ours", path, len(ours))
	}
	return ours
}

func buildFacts(t *testing.T, path string) string {
	t.Helper()
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.String()
}

// A repaired file has the functions and the length of the file it stands for, but not its fault.
func TestRepairs(t *testing.T) {
	repaired, err := filepath.Glob("cases/*/repaired/*.go")
	if err != nil || len(repaired) == 0 {
		t.Fatalf("no repaired files: %v", err)
	}
	for _, path := range repaired {
		written := filepath.Join(filepath.Dir(filepath.Dir(path)), filepath.Base(path))
		one, other := read(t, written), read(t, path)
		if lines, twins := strings.Count(one, "\n"), strings.Count(other, "\n"); lines != twins {
			t.Errorf("%s has %d lines, %s has %d", written, lines, path, twins)
		}
		if ones, others := declared(t, written), declared(t, path); !slices.Equal(ones, others) {
			t.Errorf("%s declares %q, %s %q", written, ones, path, others)
		}
		if marks, twins := len(mark.FindAllString(one, -1)), len(mark.FindAllString(other, -1)); marks != 1 || twins != 0 {
			t.Errorf("%d marked lines in %s and %d in %s, want 1 and 0", marks, written, twins, path)
		}
	}
}

// mark is how the line at fault says which document it is from.
var mark = regexp.MustCompile(`// d[0-4] (ch)?[0-9.]+: `)

func declared(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, declaration := range file.Decls {
		if function, ok := declaration.(*ast.FuncDecl); ok {
			names = append(names, function.Name.Name)
		}
	}
	return names
}

func TestFormatted(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		source := []byte(read(t, path))
		formatted, err := format.Source(source)
		if err == nil && !bytes.Equal(source, formatted) {
			t.Errorf("%s is not as gofmt writes it", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
