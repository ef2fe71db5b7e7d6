package instrument

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	queueMax  = 8192            // lines waiting for the runner to read them
	flushTime = 2 * time.Second // how long the end of the program waits for the runner to read the rest
)

// PerUnit is what one unit costs.
type PerUnit struct {
	Goroutines  int   `json:"goroutines"`
	Descriptors int   `json:"descriptors"`
	Bytes       int64 `json:"bytes"`
}

// Event is one line on descriptor 4. The first one of an interval carries the whole Site, later ones only the amount.
type Event struct {
	Time     int64    `json:"t"` // CLOCK_MONOTONIC, nanoseconds
	Kind     string   `json:"event"`
	Interval string   `json:"interval,omitempty"`
	Cause    string   `json:"cause,omitempty"`
	Unit     string   `json:"unit,omitempty"`
	Amount   *int     `json:"amount,omitempty"` // units outstanding after this event
	PerUnit  *PerUnit `json:"per_unit,omitempty"`
	SeenAt   []string `json:"seen_at,omitempty"`
	Culprit  string   `json:"culprit,omitempty"`
	Text     string   `json:"text,omitempty"`
}

// Report writes events, in the order of their times, without ever making the service wait: one goroutine writes, and
// when the runner does not read, lines are dropped and the next one that finds room is preceded by an error that says so.
type Report struct {
	mutex   sync.Mutex // stamp and place in the queue belong together
	queue   chan entry
	written chan struct{}
	lost    int
	closed  bool
}

// entry is a line to write, or a channel to close once everything before it is written.
type entry struct {
	line    []byte
	reached chan<- struct{}
}

// NewReport starts the writer. Close ends it.
func NewReport(out io.Writer) *Report {
	report := &Report{queue: make(chan entry, queueMax), written: make(chan struct{})}
	go report.write(out)
	return report
}

func (r *Report) write(out io.Writer) {
	defer close(r.written)
	broken := false
	for next := range r.queue {
		if next.reached != nil {
			close(next.reached)
			continue
		}
		if broken {
			continue
		}
		_, err := out.Write(next.line)
		broken = err != nil // the runner is gone: descriptor 5 says so too
	}
}

// Tell stamps the event and queues it.
func (r *Report) Tell(event Event) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.closed {
		return
	}
	if r.lost > 0 && r.offer(Event{Kind: "error", Text: fmt.Sprintf("%d lines lost: nobody reads", r.lost)}) {
		r.lost = 0
	}
	if !r.offer(event) {
		r.lost++
	}
}

func (r *Report) offer(event Event) bool {
	event.Time = Now()
	line, err := json.Marshal(event)
	if err != nil {
		panic("an event that is no JSON: " + err.Error())
	}
	select {
	case r.queue <- entry{line: append(line, '\n')}:
		return true
	default:
		return false
	}
}

// Flush waits until everything told before is written: for what the program may not survive. It does not wait for a
// runner that no longer reads.
func (r *Report) Flush() {
	reached := make(chan struct{})
	r.mutex.Lock()
	if r.closed {
		r.mutex.Unlock()
		return
	}
	select {
	case r.queue <- entry{reached: reached}:
	default: // full: nobody reads
		close(reached)
	}
	r.mutex.Unlock()
	select {
	case <-reached:
	case <-time.After(flushTime):
	}
}

// Close waits until everything is written, but not for a runner that no longer reads.
func (r *Report) Close() {
	r.mutex.Lock()
	if !r.closed {
		r.closed = true
		close(r.queue)
	}
	r.mutex.Unlock()
	select {
	case <-r.written:
	case <-time.After(flushTime):
	}
}
