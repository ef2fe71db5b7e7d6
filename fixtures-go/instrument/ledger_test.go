package instrument

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
)

// told closes the report and returns its lines, each as "event interval amount", full lines with a trailing "+".
func told(t *testing.T, report *Report, written *bytes.Buffer) []string {
	t.Helper()
	report.Close()
	var short []string
	last := int64(0)
	for line := range strings.Lines(written.String()) {
		var event Event
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if event.Time < last {
			t.Errorf("%q is older than the line before it: %d", line, last)
		}
		last = event.Time
		amount := -1
		if event.Amount != nil {
			amount = *event.Amount
		}
		text := fmt.Sprintf("%s %s %d", event.Kind, event.Interval, amount)
		if event.Cause != "" && event.PerUnit != nil && event.SeenAt != nil && event.Culprit != "" {
			text += " +"
		}
		short = append(short, text)
	}
	return short
}

func TestLedger(t *testing.T) {
	const settle, leave, give = 's', 'l', 'r'
	cases := []struct {
		name  string
		steps string // unit number, then what happens to it
		want  string
	}{
		{"held from the later of the two", "0s 0l 1l 1s", "leak i1 1 +, leak i1 2"},
		{"either alone is nothing", "0s 1l", ""},
		{"given back in time", "0s 0r 0l 1r 1s 1l", ""},
		{"twice is once", "0s 0s 0l 0l 0r 0r", "leak i1 1 +, cured i1 0"},
		{"cured, then another interval", "0s 0l 1s 1l 0r 1r 2s 2l", "leak i1 1 +, leak i1 2, cured i1 1, cured i1 0, leak i2 1 +"},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			var written bytes.Buffer
			report := NewReport(&written)
			ledger := report.NewLedger(Site{Cause: "c", Unit: "u", SeenAt: []string{"f"}, Culprit: "g"})
			units := []*Unit{ledger.Open(), ledger.Open(), ledger.Open()}
			for _, step := range strings.Fields(test.steps) {
				unit := units[step[0]-'0']
				map[byte]func(){settle: unit.Settled, leave: unit.Left, give: unit.Returned}[step[1]]()
			}
			if got := strings.Join(told(t, report, &written), ", "); got != test.want {
				t.Errorf("%s: told %q, want %q", test.steps, got, test.want)
			}
		})
	}
}

func TestHolds(t *testing.T) {
	var written bytes.Buffer
	report := NewReport(&written)
	holds := report.NewHolds(Site{Cause: "c", Unit: "u", SeenAt: []string{"f"}, Culprit: "g"})
	one, other := holds.Open(), holds.OpenSize(5)
	one.Settled()
	other.Settled()
	other.Left() // it never had a say
	one.Returned()
	other.Returned()
	holds.Open().Returned()
	want := "hold h1 1 +, hold h1 6, release h1 5, release h1 0"
	if got := strings.Join(told(t, report, &written), ", "); got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestSizes(t *testing.T) {
	var written bytes.Buffer
	report := NewReport(&written)
	ledger := report.NewLedger(Site{Cause: "c", Unit: "u", SeenAt: []string{"f"}, Culprit: "g"})
	for _, size := range []int{100, 20} {
		unit := ledger.OpenSize(size)
		unit.Settled()
		unit.Left()
		defer unit.Returned() // after the report's end: nothing
	}
	want := "leak i1 100 +, leak i1 120"
	if got := strings.Join(told(t, report, &written), ", "); got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestFlush(t *testing.T) {
	lines := make(chan string, 1)
	report := NewReport(lineWriter(lines))
	report.Tell(Event{Kind: "gc"})
	report.Flush()
	select {
	case got := <-lines:
		if !strings.Contains(got, `"gc"`) {
			t.Errorf("%q is written, want a gc", got)
		}
	default:
		t.Error("nothing is written yet")
	}
	report.Close()
	report.Flush() // after the end: at once
}

// slowReader lets the writer hang until it is released.
type slowReader struct {
	bytes.Buffer
	release chan struct{}
}

func (s *slowReader) Write(line []byte) (int, error) {
	<-s.release
	return s.Buffer.Write(line)
}

func TestReportNeverWaits(t *testing.T) {
	slow := &slowReader{release: make(chan struct{})}
	report := NewReport(slow)
	const lines = queueMax + 100
	for range lines {
		report.Tell(Event{Kind: "leak"}) // would hang here
	}
	close(slow.release)
	for len(report.queue) > 0 {
		report.mutex.Lock() // until there is room again
		report.mutex.Unlock()
	}
	report.Tell(Event{Kind: "ready"})
	report.Close()
	written := slow.String()
	count := strings.Count(written, `"leak"`)
	var lost int
	if at := strings.Index(written, `"text":"`); at < 0 {
		t.Fatalf("%d of %d lines came and nothing says so", count, lines)
	} else if _, err := fmt.Sscanf(written[at:], `"text":"%d lines lost`, &lost); err != nil {
		t.Fatalf("%q: %v", written[at:], err)
	}
	if count+lost != lines {
		t.Errorf("%d lines came and %d are said to be lost, want %d together", count, lost, lines)
	}
	if !strings.HasSuffix(strings.TrimSpace(written), `"event":"ready"}`) {
		t.Errorf("the last line is not the last event: %q", written[max(0, len(written)-100):])
	}
}

func TestReportOutlivesItsReader(t *testing.T) {
	in, out := io.Pipe()
	in.Close()
	report := NewReport(out)
	for range 3 {
		report.Tell(Event{Kind: "gc"})
	}
	report.Close()
	report.Tell(Event{Kind: "gc"}) // after the end: dropped
}
