package instrument

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
)

const (
	listenDescriptor  = 3
	reportDescriptor  = 4
	commandDescriptor = 5
)

// Opener makes a case's service out of the setting.
type Opener func(*Setting, *Report) (Service, error)

// Main is the whole of a program with several cases. It does not return.
func Main(cases map[string]Opener) {
	os.Exit(run(func(setting *Setting, report *Report) (*program, error) {
		open, known := cases[setting.Case]
		if !known {
			return nil, fmt.Errorf("setting: no case %q", setting.Case)
		}
		service, err := open(setting, report)
		if err != nil {
			return nil, err
		}
		breaker, stays := new(atomic.Bool), new(stays)
		handler := serviceMux(setting, service, breaker, stays)
		return &program{service: service, breaker: breaker, stays: stays, handler: handler}, nil
	}))
}

// Serve is the whole of a program that only answers, by the same contract. It does not return.
func Serve(handler http.Handler) {
	os.Exit(run(func(*Setting, *Report) (*program, error) {
		return &program{handler: handler}, nil
	}))
}

type program struct {
	handler http.Handler
	service Service      // nil: nothing to trigger
	breaker *atomic.Bool // open: /work answers 503; nil where there is no /work
	stays   *stays       // nil where nobody looks
	report  *Report
}

// run is the life of a program; it returns its exit code. It ends when the runner says stop or is gone (descriptor 5
// ends) or the system says SIGTERM.
func run(open func(*Setting, *Report) (*program, error)) int {
	for descriptor := listenDescriptor; descriptor <= commandDescriptor; descriptor++ {
		syscall.CloseOnExec(descriptor)
	}
	// Non-blocking, so that waiting on them parks a goroutine and not a thread. Failing is harmless.
	_ = syscall.SetNonblock(reportDescriptor, true)
	_ = syscall.SetNonblock(commandDescriptor, true)
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)

	report := NewReport(os.NewFile(reportDescriptor, "report"))
	defer report.Close()
	if err := serve(open, report, terminated); err != nil {
		report.Tell(Event{Kind: "error", Text: err.Error()})
		return 1
	}
	return 0
}

func serve(open func(*Setting, *Report) (*program, error), report *Report, terminated <-chan os.Signal) error {
	lines := bufio.NewScanner(os.NewFile(commandDescriptor, "commands"))
	lines.Buffer(make([]byte, 0, 4096), lineMax)
	if !lines.Scan() {
		return fmt.Errorf("setting: %w", errors.Join(io.ErrUnexpectedEOF, lines.Err()))
	}
	setting, err := parseSetting(lines.Bytes())
	if err != nil {
		return err
	}
	program, err := open(&setting, report)
	if err != nil {
		return err
	}
	program.report = report

	listener, err := inherited()
	if err != nil {
		return err
	}
	report.Tell(Event{Kind: "calm", Text: "internal/poll.(*FD).Accept"})
	server := newServer(program.handler)
	failed, stopped := make(chan error, 1), make(chan struct{})
	go program.obey(lines, stopped)
	go func() {
		failed <- server.Serve(&door{Listener: listener, open: program.ready})
	}()

	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-terminated:
	case <-stopped:
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		server.Close()
	}
	return nil
}

// ready is called when the server is about to accept for the first time.
func (p *program) ready() {
	if p.stays != nil {
		p.stays.begin()
	}
	p.report.Tell(Event{Kind: "ready"})
}

// inherited is the listener on descriptor 3. The runtime works on a duplicate; the original is closed, or the port
// would stay taken after a shutdown.
func inherited() (net.Listener, error) {
	file := os.NewFile(listenDescriptor, "listener")
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("listener: %w", err)
	}
	return listener, nil
}

type command struct {
	Command string `json:"command"`
	Number  int    `json:"n"`
}

// obey carries out the commands of descriptor 5, one after the other, until told to stop or until it ends.
func (p *program) obey(lines *bufio.Scanner, stopped chan<- struct{}) {
	defer close(stopped)
	for lines.Scan() {
		var order command
		if err := json.Unmarshal(lines.Bytes(), &order); err != nil {
			p.report.Tell(Event{Kind: "error", Text: fmt.Sprintf("command: %v", err)})
			continue
		}
		if order.Command == "stop" {
			return
		}
		if err := p.carryOut(order); err != nil {
			p.report.Tell(Event{Kind: "error", Text: fmt.Sprintf("command %q: %v", order.Command, err)})
		}
	}
}

func (p *program) carryOut(order command) error {
	switch {
	case order.Command == "gc":
		cycles := 2 // what the first one finds dead, such as a finalized object, only the second one frees
		for range cycles {
			runtime.GC()
		}
		p.report.Tell(Event{Kind: "gc", Amount: &cycles})
	case order.Command == "trigger" && p.service != nil:
		for range order.Number {
			if _, err := p.service.Work(context.Background(), 1); err != nil {
				return err
			}
		}
	case order.Command == "breaker" && p.breaker != nil && (order.Number == 0 || order.Number == 1):
		p.breaker.Store(order.Number == 1)
	default:
		return errors.New("not known here")
	}
	return nil
}
