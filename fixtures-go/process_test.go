package shop_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"shop/instrument"
)

const patience = 20 * time.Second // until something that must happen counts as not happening

// process is a program under test, started as the runner starts it.
type process struct {
	t        *testing.T
	command  *exec.Cmd
	commands *os.File
	url      string
	stderr   bytes.Buffer

	mutex  sync.Mutex
	more   *sync.Cond
	events []instrument.Event
	ended  bool
}

// programsFolder is where the build has put the programs.
func programsFolder(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("PROGRAMS_FOLDER")
	if folder == "" {
		t.Skip("PROGRAMS_FOLDER is not set: run by ctest, which builds the programs first")
	}
	return folder
}

// start runs <variant>/<program> from a path that says nothing of the variant.
func start(t *testing.T, variant, program, setting string) *process {
	t.Helper()
	built := filepath.Join(programsFolder(t), variant, program)
	neutral := filepath.Join(t.TempDir(), program)
	if err := copyFile(built, neutral); err != nil {
		t.Fatal(err)
	}
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	socket, err := listener.File()
	if err != nil {
		t.Fatal(err)
	}
	truth, truthOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, commands: os.NewFile(uintptr(pair[0]), "commands"), url: "http://" + listener.Addr().String()}
	p.more = sync.NewCond(&p.mutex)
	p.command = &exec.Cmd{Path: neutral, Args: []string{program}, Env: []string{"GOMAXPROCS=2"}, Stderr: &p.stderr,
		ExtraFiles: []*os.File{socket, truthOut, os.NewFile(uintptr(pair[1]), "commands")}}
	err = p.command.Start()
	for _, file := range p.command.ExtraFiles {
		file.Close()
	}
	listener.Close()
	if err != nil {
		t.Fatal(err)
	}
	go p.listen(truth)
	t.Cleanup(func() {
		p.command.Process.Kill()
		p.command.Wait()
		p.commands.Close()
		truth.Close()
	})
	if setting != "" {
		p.send(setting)
	}
	return p
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	// A child forked meanwhile would hold the file open for writing, and nobody could execute it.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(to, content, 0o755)
}

func (p *process) send(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.commands, line+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

// listen collects what the program tells; a line that is not exactly an event is a failure.
func (p *process) listen(truth io.Reader) {
	lines := bufio.NewScanner(truth)
	for lines.Scan() {
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.DisallowUnknownFields()
		var event instrument.Event
		if err := decoder.Decode(&event); err != nil {
			p.t.Errorf("descriptor 4 said %q: %v", lines.Text(), err)
		}
		p.mutex.Lock()
		p.events = append(p.events, event)
		p.mutex.Unlock()
		p.more.Broadcast()
	}
	p.mutex.Lock()
	p.ended = true
	p.mutex.Unlock()
	p.more.Broadcast()
}

// await waits for the count'th event of a kind and returns it.
func (p *process) await(kind string, count int) instrument.Event {
	p.t.Helper()
	late := time.AfterFunc(patience, func() {
		p.mutex.Lock()
		p.ended = true
		p.mutex.Unlock()
		p.more.Broadcast()
	})
	defer late.Stop()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for {
		seen := 0
		for _, event := range p.events {
			if event.Kind != kind {
				continue
			}
			if seen++; seen == count {
				return event
			}
		}
		if p.ended {
			p.t.Fatalf("%d events %q, want %d; all: %+v; stderr: %s", seen, kind, count, p.events, p.stderr.String())
		}
		p.more.Wait()
	}
}

// told returns the events of a kind up to now.
func (p *process) told(kind string) []instrument.Event {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	var events []instrument.Event
	for _, event := range p.events {
		if event.Kind == kind {
			events = append(events, event)
		}
	}
	return events
}

// collect has the garbage collected, which also shows that everything told before has come.
func (p *process) collect() {
	p.t.Helper()
	before := len(p.told("gc"))
	p.send(`{"command":"gc"}`)
	p.await("gc", before+1)
}

// get reads a page over a connection of its own, so that no kept one shows in what is looked at.
func (p *process) get(path string) string {
	p.t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(p.url + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %s: %s", path, response.Status, body)
	}
	return string(body)
}

// exit waits for the program's end.
func (p *process) exit() int {
	p.t.Helper()
	late := time.AfterFunc(patience, func() { p.command.Process.Kill() })
	defer late.Stop()
	p.command.Wait()
	return p.command.ProcessState.ExitCode()
}

func (p *process) proc(name string) string {
	return filepath.Join("/proc", strconv.Itoa(p.command.Process.Pid), name)
}

// descriptors lists what is open, each without its number: "socket:", "anon_inode:[eventpoll]".
func (p *process) descriptors() []string {
	p.t.Helper()
	entries, err := os.ReadDir(p.proc("fd"))
	if err != nil {
		p.t.Fatal(err)
	}
	var kinds []string
	for _, entry := range entries {
		target, err := os.Readlink(p.proc("fd/" + entry.Name()))
		if err != nil {
			continue // closed in between
		}
		kind, _, numbered := strings.Cut(target, ":[")
		if !numbered || kind == "anon_inode" {
			kind = target
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

func (p *process) sockets() int {
	count := 0
	for _, kind := range p.descriptors() {
		if kind == "socket" {
			count++
		}
	}
	return count
}

// metric is the value of one of the runtime's metrics.
func (p *process) metric(name string) float64 {
	p.t.Helper()
	for line := range strings.Lines(p.get("/metrics")) {
		if text, found := strings.CutPrefix(line, name+" "); found {
			value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				p.t.Fatal(err)
			}
			return value
		}
	}
	p.t.Fatalf("there is no metric %s", name)
	return 0
}

// resident is how many bytes of memory of its own the process has.
func (p *process) resident() int64 {
	p.t.Helper()
	status, err := os.ReadFile(p.proc("status"))
	if err != nil {
		p.t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(status), "RssAnon:")
	var kibibytes int64
	if _, err := fmt.Sscan(line, &kibibytes); err != nil {
		p.t.Fatalf("%s: %v", status, err)
	}
	return kibibytes * 1024
}

// machinery is what a goroutine's place is not: the runner passes over the same.
var machinery = []string{"runtime.", "runtime/", "internal/", "sync.", "sync/atomic.", "syscall.", "time.Sleep("}

// sites counts goroutines by the first function of theirs that is not machinery of waiting.
func (p *process) sites() map[string]int {
	p.t.Helper()
	sites := map[string]int{}
	for goroutine := range strings.SplitSeq(p.get("/debug/pprof/goroutine?debug=2"), "\n\n") {
		lines := strings.Split(goroutine, "\n")
		for _, line := range lines[1:] {
			if strings.HasPrefix(line, "\t") ||
				slices.ContainsFunc(machinery, func(prefix string) bool { return strings.HasPrefix(line, prefix) }) {
				continue
			}
			if end := strings.LastIndex(line, "("); end > 0 {
				sites[line[:end]]++
			}
			break
		}
	}
	return sites
}

// eventually asks until the answer is the wanted one: for what the kernel or another goroutine still has to finish.
func eventually[T comparable](t *testing.T, what string, want T, ask func() T) {
	t.Helper()
	eventuallySame(t, what, func() T { return want }, ask)
}

// eventuallySame asks both until they agree.
func eventuallySame[T comparable](t *testing.T, what string, want, ask func() T) {
	t.Helper()
	end := time.Now().Add(patience)
	for {
		wanted, got := want(), ask()
		if got == wanted {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %v, want %v", what, got, wanted)
		}
	}
}

func setting(name string, rate float64, depth int, upstream string) string {
	return fmt.Sprintf(`{"case":%q,"rate":%v,"depth":%d,"seed":"12345678901234567890","upstream":%q,"time_scale":20}`,
		name, rate, depth, upstream)
}
