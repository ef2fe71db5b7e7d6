package instrument

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// ask is one look: status and body.
func ask(t *testing.T, url string) (int, string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func waitFor(c chan int)      { <-c }
func cook(plates chan<- bool) { plates <- true }

func TestStays(t *testing.T) {
	looker := new(stays)
	server := httptest.NewServer(looker)
	defer server.Close()
	if status, body := ask(t, server.URL); status != http.StatusServiceUnavailable {
		t.Errorf("before it is ready: %d %q", status, body)
	}
	known := make(chan int)
	go waitFor(known)
	defer close(known)
	ask(t, server.URL) // the goroutines of the connection are there
	looker.begin()
	for _, path := range []string{"/", "/?settle=10ms"} {
		if status, body := ask(t, server.URL+path); status != http.StatusOK || body != "" {
			t.Errorf("%s, nothing new: %d %q", path, status, body)
		}
	}
	kept, plates := make(chan int), make(chan bool)
	go waitFor(kept)
	go cook(plates)
	for _, path := range []string{"/?settle=0s", "/?settle=5ms"} {
		status, body := ask(t, server.URL+path)
		if status != http.StatusInternalServerError || !strings.HasPrefix(body, "found unexpected goroutines:\n[Goroutine ") ||
			!strings.HasSuffix(body, "\n]") || strings.Count(body, "Goroutine ") != 2 ||
			!strings.Contains(body, "in state chan receive, with shop/instrument.waitFor on top of the stack:\n") ||
			!strings.Contains(body, "in state chan send, with shop/instrument.cook on top of the stack:\n") {
			t.Errorf("%s, two stay: %d %q", path, status, body)
		}
	}
	close(kept)
	<-plates
	if status, body := ask(t, server.URL+"/?settle=1ns"); status != http.StatusOK || body != "" {
		t.Errorf("they are gone: %d %q", status, body)
	}
	for _, settle := range []string{"x", "-1s", "31s", "1"} {
		if status, body := ask(t, server.URL+"/?settle="+settle); status != http.StatusBadRequest {
			t.Errorf("settle=%s: %d %q", settle, status, body)
		}
	}
}

// Who comes and goes is in one look and not in both.
func TestStaysOnlyBoth(t *testing.T) {
	const one = "Goroutine 7 in state chan receive, with shop.a on top of the stack:\nshop.a()\n\t/a.go:1 +0x1\n"
	const two = "Goroutine 71 in state select, with shop.b on top of the stack:\nshop.b()\n\t/b.go:1 +0x1\n"
	const serving = "net/http.(*conn).serve(0x1)\n\t/server.go:1 +0x1\n"
	const three = "Goroutine 9 in state select, with shop.c on top of the stack:\nshop.c(0x2)\n\t/c.go:1 +0x1\n" + serving
	const reading = "net/http.(*persistConn).readLoop(0x4)\n\t/transport.go:1 +0x1\n"
	const four = "Goroutine 12 in state select, with net/http on top of the stack:\n" + reading
	found := foundWords + "[" + one + " " + two + " " + three + " " + four + "]"
	was := strings.TrimSpace(three[strings.Index(three, "\n")+1:])
	read := strings.TrimSpace(reading)
	cases := []struct {
		before map[string]string
		want   string
	}{
		{nil, found},
		{map[string]string{"7": "", "71": "", "9": was, "12": read, "1": ""}, found},
		{map[string]string{"7": ""}, foundWords + "[" + one + "]"},
		{map[string]string{"71": ""}, foundWords + "[" + two + "]"},
		{map[string]string{"9": was}, foundWords + "[" + three + "]"},
		{map[string]string{"9": strings.ReplaceAll(was, "0x2", "0x3")}, ""}, // another request
		{map[string]string{"12": read}, foundWords + "[" + four + "]"},
		{map[string]string{"12": "internal/poll.runtime_pollWait(0x5)\n" + read}, ""}, // it waited for the next answer
		{map[string]string{"1": ""}, ""},
	}
	for _, test := range cases {
		if got := both(found, test.before); got != test.want {
			t.Errorf("%v: %q, want %q", test.before, got, test.want)
		}
	}
}

// A request that hangs is found, one after the other on one connection is not.
func TestStaysRequests(t *testing.T) {
	looker, entered, leave := new(stays), make(chan bool), make(chan bool)
	mux := http.NewServeMux()
	mux.Handle("/look", looker)
	mux.HandleFunc("/work", func(http.ResponseWriter, *http.Request) { entered <- true; <-leave })
	server := httptest.NewServer(mux)
	defer server.Close()
	looker.begin()
	ended := make(chan bool)
	go func() {
		for range 2 {
			ask(t, server.URL+"/work")
		}
		ended <- true
	}()
	<-entered
	before := present()
	if found, err := find(*looker.known.Load()); err != nil || !strings.Contains(both(found, before), "(*conn).serve(") {
		t.Errorf("the request hangs: %v %q", err, found)
	}
	leave <- true
	<-entered
	if found, err := find(*looker.known.Load()); err != nil || strings.Contains(both(found, before), "(*conn).serve(") {
		t.Errorf("another request: %v %q", err, found)
	}
	leave <- true
	<-ended
}

// goleak cannot read a stack with frames left out, and says so by a panic.
func TestStaysTooDeep(t *testing.T) {
	looker := new(stays)
	server := httptest.NewServer(looker)
	defer server.Close()
	looker.begin()
	done := make(chan int)
	defer close(done)
	var descend func(int)
	descend = func(n int) {
		if n > 0 {
			descend(n - 1)
		}
		<-done
	}
	go descend(200)
	status, body := ask(t, server.URL)
	if status != http.StatusServiceUnavailable || !strings.HasPrefix(body, "goleak: ") {
		t.Errorf("%d %q", status, body)
	}
}
