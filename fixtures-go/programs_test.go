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
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"shop/instrument"
)

// listed is cases.json.
type listed struct {
	Fixtures map[string]struct {
		Program string
		Case    string
	}
	Upstreams map[string]struct{ Program string }
}

func list(t *testing.T) listed {
	t.Helper()
	content, err := os.ReadFile("cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var list listed
	if err := json.Unmarshal(content, &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Fixtures) == 0 || len(list.Upstreams) == 0 {
		t.Fatalf("cases.json lists nothing: %+v", list)
	}
	return list
}

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
	for name, fixture := range list(t).Fixtures {
		for _, dose := range []struct {
			rate  float64
			depth int
		}{{1, 0}, {4, 0}, {0.25, 0}, {1, 3}} {
			t.Run(fmt.Sprintf("%s/rate %v depth %d", name, dose.rate, dose.depth), func(t *testing.T) {
				t.Parallel()
				heldForGood(t, fixture.Program, fixture.Case, dose.rate, dose.depth)
			})
		}
	}
}

func heldForGood(t *testing.T, program, name string, rate float64, depth int) {
	u := newUpstream(t)
	line := setting(name, rate, depth, u.address())
	leaky, healthy := start(t, "leaky", program, line), start(t, "healthy", program, line)
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
	if told := leaky.told("leak"); len(told) != units || *last.Amount != units {
		t.Errorf("%d leaks told, the last with amount %d, want %d of both", len(told), *last.Amount, units)
	}
	checkFirst(t, first, name)
	for _, site := range first.SeenAt {
		goroutines := units * first.PerUnit.Goroutines / len(first.SeenAt)
		eventually(t, "goroutines at "+site, goroutines, func() int { return leaky.sites()[site] })
		eventually(t, "goroutines of the twin at "+site, 0, func() int { return healthy.sites()[site] })
	}
	descriptors := sockets + units*first.PerUnit.Descriptors
	eventually(t, "sockets", descriptors, leaky.sockets)
	eventually(t, "sockets of the twin", sockets, healthy.sockets)

	u.CloseClientConnections()
	leaky.collect()
	for _, site := range first.SeenAt {
		goroutines := units * first.PerUnit.Goroutines / len(first.SeenAt)
		eventually(t, "goroutines without the upstream at "+site, goroutines, func() int { return leaky.sites()[site] })
	}
	if cured := leaky.told("cured"); cured != nil {
		t.Errorf("the upstream's death cured %+v", cured)
	}
	for _, kind := range []string{"leak", "cured", "hold", "release", "error"} {
		if told := healthy.told(kind); told != nil {
			t.Errorf("the twin told %+v", told)
		}
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
	if first.Interval != "i1" || first.Cause == "" || first.Unit == "" || first.PerUnit == nil || len(first.SeenAt) == 0 {
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
	if number < 1 || number > len(lines) || !strings.Contains(lines[number-1], "// d") {
		t.Errorf("culprit %q is not the marked line of the source", first.Culprit)
	}
	if !strings.HasPrefix(function, "shop/cases/"+name+".") {
		t.Errorf("culprit %q is no function of the case", first.Culprit)
	}
}

func TestContract(t *testing.T) {
	for name, fixture := range list(t).Fixtures {
		t.Run(name, func(t *testing.T) {
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
			if last := p.await("leak", 5); *last.Amount != 5 {
				t.Errorf("amount %d after 5 were triggered", *last.Amount)
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

// The runtime's own search for goroutines that wait for ever agrees where it can look, and finds nothing in a twin.
func TestRuntimeAgrees(t *testing.T) {
	for _, variant := range []string{"leaky", "healthy"} {
		p := start(t, variant, "mailroom", setting("digest", 1, 0, ""))
		p.await("ready", 1)
		for range requests {
			p.get("/work")
		}
		p.collect()
		want := map[string]int{"leaky": requests, "healthy": 0}[variant]
		eventually(t, variant, fmt.Sprintf("goroutineleak profile: total %d", want), func() string {
			first, _, _ := strings.Cut(p.get("/debug/pprof/goroutineleak?debug=1"), "\n")
			return first
		})
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
