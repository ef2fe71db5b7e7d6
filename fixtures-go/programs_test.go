// Package shop_test runs the built programs as the runner runs them, each beside its twin.
package shop_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"shop/instrument"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// fixture is one entry of fixtures.json, which the build makes of cases.json.
type fixture struct {
	Program     string
	Case        string
	Build       string   // "" for go, else cgo or asan
	Variants    []string // nil for leaky and healthy
	Unavailable string   // why it is not built here
}

type listed struct {
	Fixtures  map[string]fixture
	Upstreams map[string]struct{ Program string }
}

func list(t *testing.T) listed {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(programsFolder(t), "fixtures.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list listed
	if err := json.Unmarshal(content, &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Fixtures) == 0 || len(list.Upstreams) == 0 {
		t.Fatalf("fixtures.json lists nothing: %+v", list)
	}
	return list
}

// eachFixture runs a test for every fixture that wanted says yes to. None at all is a failure.
func eachFixture(t *testing.T, wanted func(fixture) bool, test func(*testing.T, fixture)) {
	t.Helper()
	count := 0
	for name, fixture := range list(t).Fixtures {
		if !wanted(fixture) {
			continue
		}
		count++
		t.Run(name, func(t *testing.T) {
			if fixture.Unavailable != "" {
				t.Skip(fixture.Unavailable)
			}
			test(t, fixture)
		})
	}
	if count == 0 {
		t.Error("there is no such fixture")
	}
}

func (f fixture) hasTwin() bool { return f.Variants == nil }
func (f fixture) dies() bool    { return f.Build == "asan" && !f.wills() }         // of its fault, at the first unit
func (f fixture) wills() bool   { return f.Build == "asan" && f.Case == "covers" } // its report comes at its end
func (f fixture) stays() bool   { return f.hasTwin() && !f.dies() && !f.wills() }
func (f fixture) calm() bool    { return !f.hasTwin() }
func every(fixture) bool        { return true }

// upstream is one of the test's own, that counts.
type upstream struct {
	*httptest.Server
	requests atomic.Int64
}

func newUpstream(t *testing.T) *upstream {
	u := &upstream{}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.requests.Add(1)
		io.WriteString(w, strings.Repeat("answer to "+r.URL.Path+"\n", 20))
	}))
	t.Cleanup(u.Close)
	return u
}

func (u *upstream) address() string {
	return u.Listener.Addr().String()
}

const requests = 24

// work sends the requests one after the other and returns the answers and what the upstream was asked.
func work(p *process, u *upstream) (answers string, asked int64) {
	before := u.requests.Load()
	for range requests {
		answers += p.get("/work")
	}
	return answers, u.requests.Load() - before
}

// Each case really holds what it says it holds, its twin holds nothing, and nobody can tell by their answers.
func TestHeldForGood(t *testing.T) {
	eachFixture(t, fixture.stays, func(t *testing.T, fixture fixture) {
		for _, dose := range []struct {
			rate  float64
			depth int
		}{{1, 0}, {4, 0}, {0.25, 0}, {1, 3}} {
			t.Run(fmt.Sprintf("rate %v depth %d", dose.rate, dose.depth), func(t *testing.T) {
				t.Parallel()
				heldForGood(t, fixture, dose.rate, dose.depth)
			})
		}
	})
}

func heldForGood(t *testing.T, fixture fixture, rate float64, depth int) {
	u := newUpstream(t)
	line := setting(fixture.Case, rate, depth, u.address())
	leaky, healthy := start(t, "leaky", fixture.Program, line), start(t, "healthy", fixture.Program, line)
	leaky.await("ready", 1)
	healthy.await("ready", 1)
	sockets := healthy.sockets()

	answers, asked := work(leaky, u)
	if twins, twinAsked := work(healthy, u); answers != twins || asked != twinAsked {
		t.Errorf("%d requests to the upstream and answers\n%s\nbut of the twin %d and\n%s", asked, answers, twinAsked, twins)
	}

	units := dose(t, line)
	first, last := leaky.await("leak", 1), leaky.await("leak", units)
	leaky.collect()
	healthy.collect()
	if told := leaky.told("leak"); len(told) != units || *last.Amount != units**first.Amount {
		t.Errorf("%d leaks told, the last with amount %d, want %d of %d each", len(told), *last.Amount, units, *first.Amount)
	}
	checkFirst(t, first, fixture.Case)
	checkMemory(t, leaky, healthy, first, *last.Amount) // before a profile takes memory too
	checkGoroutines(t, leaky, first, units)
	for _, site := range first.SeenAt {
		eventually(t, "goroutines of the twin at "+site, 0, func() int { return healthy.sites()[site] })
	}
	descriptors := sockets + units*first.PerUnit.Descriptors
	eventually(t, "sockets", descriptors, leaky.sockets)
	eventually(t, "sockets of the twin", sockets, healthy.sockets)

	u.CloseClientConnections()
	leaky.collect()
	checkGoroutines(t, leaky, first, units)
	if cured := leaky.told("cured"); cured != nil {
		t.Errorf("the upstream's death cured %+v", cured)
	}
	for _, kind := range []string{"leak", "cured", "hold", "release", "error"} {
		if told := healthy.told(kind); told != nil {
			t.Errorf("the twin told %+v", told)
		}
	}
}

// checkGoroutines counts, from outside, those that so many units cost.
func checkGoroutines(t *testing.T, p *process, first instrument.Event, units int) {
	t.Helper()
	for _, site := range first.SeenAt {
		goroutines := units * first.PerUnit.Goroutines / len(first.SeenAt)
		eventually(t, "goroutines at "+site, goroutines, func() int { return p.sites()[site] })
	}
}

// checkMemory weighs a program and its twin from outside: what the one has more of is what the amount costs. Kept in
// Go's heap it shows there; elsewhere it shows in the resident set and not in the heap. Little is not to be told from
// noise.
func checkMemory(t *testing.T, leaky, healthy *process, first instrument.Event, amount int) {
	t.Helper()
	const noise = 1 << 20
	want := float64(amount) * float64(first.PerUnit.Bytes)
	if want < 4*noise {
		return
	}
	heap := leaky.metric("go_memstats_heap_alloc_bytes") - healthy.metric("go_memstats_heap_alloc_bytes")
	resident := float64(leaky.resident() - healthy.resident())
	t.Logf("%v bytes claimed; heap %+.0f, resident %+.0f", want, heap, resident)
	wantHeap := want
	if first.Cause == "native-memory" {
		wantHeap = 0
		if resident < want*0.8 || resident > want*1.2+4*noise {
			t.Errorf("%.0f bytes more are resident than of the twin, want about %.0f", resident, want)
		}
	}
	if heap < wantHeap-noise || heap > wantHeap+noise {
		t.Errorf("%.0f bytes more are in the heap than of the twin, want about %.0f", heap, wantHeap)
	}
}

// dose is how many units the requests of one test take.
func dose(t *testing.T, line string) int {
	t.Helper()
	var set instrument.Setting
	if err := json.Unmarshal([]byte(line), &set); err != nil {
		t.Fatal(err)
	}
	units := 0
	for number := range uint64(requests) {
		units += set.Units(number)
	}
	if units == 0 {
		t.Fatal("a dose of nothing shows nothing")
	}
	return units
}

// checkFirst looks at what opens an interval. The culprit's line is the one that the comment marks.
func checkFirst(t *testing.T, first instrument.Event, name string) {
	t.Helper()
	visible := len(first.SeenAt) > 0 || first.Cause == "native-memory" // which no profile of Go's shows
	if first.Interval != "i1" || first.Cause == "" || first.Unit == "" || first.PerUnit == nil || !visible {
		t.Fatalf("the interval begins with %+v", first)
	}
	var number int
	var file, function string
	if _, err := fmt.Sscanf(strings.Replace(first.Culprit, ":", " ", 1), "%s %d %s", &file, &number, &function); err != nil {
		t.Fatalf("culprit %q: %v", first.Culprit, err)
	}
	source, err := os.ReadFile(filepath.Join("cases", name, file))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(source), "\n")
	if number < 1 || number > len(lines) || !mark.MatchString(lines[number-1]) {
		t.Errorf("culprit %q is not the marked line of the source", first.Culprit)
	}
	if !strings.HasPrefix(function, "shop/cases/"+name+".") {
		t.Errorf("culprit %q is no function of the case", first.Culprit)
	}
}

func TestContract(t *testing.T) {
	eachFixture(t, fixture.stays, func(t *testing.T, fixture fixture) {
		t.Parallel()
		u := newUpstream(t)
		before := instrument.Now()
		p := start(t, "leaky", fixture.Program, setting(fixture.Case, 1, 0, u.address()))
		if ready := p.await("ready", 1); ready.Time < before || ready.Time > instrument.Now() {
			t.Errorf("ready at %d, not between start %d and now %d", ready.Time, before, instrument.Now())
		}
		if calm := p.await("calm", 1); calm.Text == "" {
			t.Errorf("calm without a site: %+v", calm)
		}
		for _, descriptor := range []string{"4", "5"} {
			info, err := os.ReadFile(p.proc("fdinfo/" + descriptor))
			if err != nil {
				t.Fatal(err)
			}
			var position, flags int
			fmt.Sscanf(string(info), "pos: %d\nflags: %o", &position, &flags)
			if flags&syscall.O_CLOEXEC == 0 {
				t.Errorf("descriptor %s would survive an exec: %s", descriptor, info)
			}
		}
		p.send(`{"command":"trigger","n":5}`)
		if one, last := *p.await("leak", 1).Amount, *p.await("leak", 5).Amount; last != 5*one {
			t.Errorf("amount %d after 5 of %d each were triggered", last, one)
		}
		p.send(`{"command":"gc"}`)
		if collected := p.await("gc", 1); *collected.Amount != 2 {
			t.Errorf("%d collections, want 2", *collected.Amount)
		}
		p.send(`{"command":"dance"}`)
		p.send(`no JSON`)
		p.await("error", 2)
		p.send(`{"command":"stop"}`)
		if code := p.exit(); code != 0 {
			t.Errorf("exit code %d after stop", code)
		}
	})
}

func TestEnds(t *testing.T) {
	for name, end := range map[string]func(*process){
		"SIGTERM":            func(p *process) { p.command.Process.Signal(syscall.SIGTERM) },
		"the runner is gone": func(p *process) { p.commands.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			for _, program := range [][2]string{{"leaky", "mailroom"}, {"upstream", "quotes"}} {
				p := start(t, program[0], program[1], setting("digest", 1, 0, ""))
				p.await("ready", 1)
				end(p)
				if code := p.exit(); code != 0 {
					t.Errorf("%s: exit code %d, stderr %s", program[1], code, p.stderr.String())
				}
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	for line, want := range map[string]string{
		`nonsense`:                      "setting: invalid character",
		`{"case":"nowhere"}`:            `no case "nowhere"`,
		`{"case":"prices"}`:             "needs an upstream",
		`{"case":"prices","rate":-2}`:   "rate -2",
		`{"case":"prices","depth":100}`: "depth 100",
	} {
		p := start(t, "leaky", "storefront", line)
		if told := p.await("error", 1); !strings.Contains(told.Text, want) {
			t.Errorf("%s: %q, want %q", line, told.Text, want)
		}
		if code := p.exit(); code != 1 {
			t.Errorf("%s: exit code %d, want 1", line, code)
		}
		if ready := p.told("ready"); ready != nil {
			t.Errorf("%s: ready all the same", line)
		}
	}
}

// A request that the upstream cannot answer is the service's failure and nobody's leak.
func TestUpstreamGone(t *testing.T) {
	u := newUpstream(t)
	p := start(t, "leaky", "storefront", setting("prices", 1, 0, u.address()))
	p.await("ready", 1)
	u.Close()
	response, err := http.Get(p.url + "/work")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusBadGateway {
		t.Errorf("%s, want 502", response.Status)
	}
	p.collect()
	if told := p.told("leak"); told != nil {
		t.Errorf("told %+v", told)
	}
}

func TestUpstreamPrograms(t *testing.T) {
	for name, program := range list(t).Upstreams {
		t.Run(name, func(t *testing.T) {
			one, other := start(t, "upstream", program.Program, setting("", 0, 0, "")), start(t, "upstream", program.Program, `{}`)
			one.await("ready", 1)
			other.await("ready", 1)
			for _, path := range []string{"/", "/quote", "/prices"} {
				answer := one.get(path)
				if again := other.get(path); answer != again {
					t.Errorf("%s: %q, then %q", path, answer, again)
				}
				if len(answer) < 300 || len(answer) > 1200 {
					t.Errorf("%s: %d bytes, want several hundred", path, len(answer))
				}
			}
			if root, quote := one.get("/"), one.get("/quote"); root == quote {
				t.Errorf("two paths, one answer: %q", root)
			}
		})
	}
}

// The runtime's own search for goroutines that wait for ever agrees where it can look, and finds nothing in a twin. A
// ticker that runs keeps its channel reachable; one that is stopped does not.
func TestRuntimeAgrees(t *testing.T) {
	for _, example := range []struct {
		program, name string
		seen          int
	}{
		{"mailroom", "digest", requests}, {"kitchen", "orders", requests}, {"lodge", "bookings", requests},
		{"greenhouse", "watering", 0}, {"greenhouse", "airing", requests},
	} {
		for variant, want := range map[string]int{"leaky": example.seen, "healthy": 0} {
			t.Run(example.name+" "+variant, func(t *testing.T) {
				p := start(t, variant, example.program, setting(example.name, 1, 0, ""))
				p.await("ready", 1)
				for range requests {
					p.get("/work")
				}
				p.collect()
				eventually(t, variant, fmt.Sprintf("goroutineleak profile: total %d", want), func() string {
					first, _, _ := strings.Cut(p.get("/debug/pprof/goroutineleak?debug=1"), "\n")
					return first
				})
			})
		}
	}
}

// A program with AddressSanitizer dies at the first use of freed memory, having told it; its twin does the same work.
func TestDies(t *testing.T) {
	eachFixture(t, fixture.dies, func(t *testing.T, fixture fixture) {
		for _, depth := range []int{0, 3} {
			u := newUpstream(t)
			line := setting(fixture.Case, 1, depth, u.address())
			leaky, healthy := start(t, "leaky", fixture.Program, line), start(t, "healthy", fixture.Program, line)
			leaky.await("ready", 1)
			healthy.await("ready", 1)
			response, err := http.Get(leaky.url + "/work")
			if err == nil {
				response.Body.Close()
				t.Errorf("depth %d: it answered %s", depth, response.Status)
			}
			if code := leaky.exit(); code != sanitizerExit {
				t.Errorf("depth %d: exit code %d, want %d", depth, code, sanitizerExit)
			}
			first := leaky.await("leak", 1)
			checkFirst(t, first, fixture.Case)
			if told := leaky.told("leak"); len(told) != 1 || *first.Amount != 1 {
				t.Errorf("depth %d: told %+v, want one unit", depth, told)
			}
			report := leaky.stderr.String()
			for _, want := range append([]string{"ERROR: AddressSanitizer: heap-use-after-free", "READ of size 1"}, first.SeenAt...) {
				if !strings.Contains(report, want) {
					t.Errorf("depth %d: the report lacks %q: %s", depth, want, report)
				}
			}
			if word := tells(report); word != "" {
				t.Errorf("depth %d: the report tells %q: %s", depth, word, report)
			}
			if answers, _ := work(healthy, u); strings.Count(answers, "plate 0: ") != requests {
				t.Errorf("depth %d: the twin answered %q", depth, answers)
			}
			healthy.collect()
			if told := healthy.told("leak"); told != nil {
				t.Errorf("depth %d: the twin told %+v", depth, told)
			}
			healthy.send(`{"command":"stop"}`)
			if code := healthy.exit(); code != 0 || healthy.stderr.Len() != 0 {
				t.Errorf("depth %d: the twin's exit code is %d, stderr %s", depth, code, healthy.stderr.String())
			}
		}
	})
}

// What LeakSanitizer says of one place: bytes and objects.
var directLeak = regexp.MustCompile(`Direct leak of (\d+) byte\(s\) in (\d+) object\(s\)`)

// A program with LeakSanitizer reports when it ends by itself what it told, to the block but for one or two whose address
// still lies on some stack: those it takes for reachable. Its twin has nothing to report.
func TestReportsAtItsEnd(t *testing.T) {
	eachFixture(t, fixture.wills, func(t *testing.T, fixture fixture) {
		u := newUpstream(t)
		line := setting(fixture.Case, 1, 0, u.address())
		leaky, healthy := start(t, "leaky", fixture.Program, line), start(t, "healthy", fixture.Program, line)
		leaky.await("ready", 1)
		healthy.await("ready", 1)
		work(leaky, u)
		work(healthy, u)
		last := leaky.await("leak", requests)
		leaky.send(`{"command":"stop"}`)
		healthy.send(`{"command":"stop"}`)
		if code := leaky.exit(); code != sanitizerExit {
			t.Errorf("exit code %d, want %d", code, sanitizerExit)
		}
		report := leaky.stderr.String()
		if !strings.Contains(report, "ERROR: LeakSanitizer: detected memory leaks") {
			t.Errorf("it is no report of LeakSanitizer: %s", report)
		}
		block, bytes, objects := int64(*last.Amount)/requests, int64(0), int64(0)
		if found := directLeak.FindStringSubmatch(report); found != nil {
			bytes, _ = strconv.ParseInt(found[1], 10, 64)
			objects, _ = strconv.ParseInt(found[2], 10, 64)
		}
		if objects > requests || objects < requests-2 || bytes != objects*block {
			t.Errorf("%d bytes in %d objects, told were %d blocks of %d: %s", bytes, objects, requests, block, report)
		}
		for _, line := range strings.Split(report, "\n") { // its other lines are the sanitizer's own words
			if word := tells(line); word != "" && strings.Contains(line, " in ") && strings.Contains(line, "#") {
				t.Errorf("the report tells %q: %s", word, report)
			}
		}
		if code := healthy.exit(); code != 0 || healthy.stderr.Len() != 0 {
			t.Errorf("the twin's exit code is %d, stderr %s", code, healthy.stderr.String())
		}
	})
}

const sanitizerExit = 86 // glyph/options_asan.go

// What only looks like a fault tells no leak, and every hold of it is released.
func TestCalm(t *testing.T) {
	eachFixture(t, fixture.calm, func(t *testing.T, fixture fixture) {
		t.Parallel()
		u := newUpstream(t)
		p := start(t, "healthy", fixture.Program, setting(fixture.Case, 1, 0, u.address()))
		p.await("ready", 1)
		for range 3 { // enough for what comes with a later request
			work(p, u)
		}
		eventually(t, "holds without a release", 0, func() int {
			p.collect() // which also lets what has just begun say so
			return len(p.told("hold")) - len(p.told("release"))
		})
		if holds := len(p.told("hold")); holds > 0 {
			if last := p.await("release", holds); *last.Amount != 0 {
				t.Errorf("after %d holds and as many releases %d are left", holds, *last.Amount)
			}
			first := p.await("hold", 1)
			if first.Interval != "h1" || first.Cause == "" || first.PerUnit == nil || len(first.SeenAt) == 0 {
				t.Errorf("the interval begins with %+v", first)
			}
			for _, site := range first.SeenAt {
				eventually(t, "goroutines at "+site, 0, func() int { return p.sites()[site] })
			}
		} else if len(p.told("calm")) < 2 {
			t.Errorf("neither a hold nor a site of its own that is calm: %+v", p.told("calm"))
		}
		for _, kind := range []string{"leak", "cured", "error"} {
			if told := p.told(kind); told != nil {
				t.Errorf("told %+v", told)
			}
		}
		p.send(`{"command":"stop"}`)
		if code := p.exit(); code != 0 {
			t.Errorf("exit code %d after stop", code)
		}
	})
}

// A calm program's clock goes as fast as the setting says: fifteen seconds of boarding last as many milliseconds.
func TestTimeScale(t *testing.T) {
	fixture := list(t).Fixtures["calm/pool-warm-up"]
	fast := start(t, "healthy", fixture.Program, fmt.Sprintf(`{"case":%q,"time_scale":1000}`, fixture.Case))
	slow := start(t, "healthy", fixture.Program, fmt.Sprintf(`{"case":%q}`, fixture.Case))
	fast.await("ready", 1)
	slow.await("ready", 1)
	fast.get("/work")
	slow.get("/work")
	const site, crew = "shop/calm/crew.(*Ship).attend", 150
	eventually(t, "aboard", crew, func() int { return fast.sites()[site] })
	if aboard := slow.sites()[site]; aboard >= crew {
		t.Errorf("%d are aboard at once, though nothing makes the clock of this one faster", aboard)
	}
}

func sorted(names map[string]bool) string {
	var all []string
	for name := range names {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}
