package instrument

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestWire(t *testing.T) {
	head := make([]byte, 4)
	cases := []struct {
		name string
		path string
		do   func(t *testing.T, response *http.Response, server *httptest.Server)
		want string
	}{
		{"dropped", "/", func(t *testing.T, response *http.Response, _ *httptest.Server) { io.ReadFull(response.Body, head) }, "leak i1 1 +"},
		{"dropped unread", "/", func(*testing.T, *http.Response, *httptest.Server) {}, "leak i1 1 +"},
		{"closed", "/", func(_ *testing.T, response *http.Response, _ *httptest.Server) { response.Body.Close() }, ""},
		{"read to the end", "/", func(_ *testing.T, response *http.Response, _ *httptest.Server) { io.ReadAll(response.Body) }, ""},
		{"nothing to read", "/empty", func(*testing.T, *http.Response, *httptest.Server) {}, ""},
		{"the upstream dies", "/", func(_ *testing.T, _ *http.Response, server *httptest.Server) { server.CloseClientConnections() }, "leak i1 1 +"},
		{"broken off while being read", "/broken", func(_ *testing.T, response *http.Response, _ *httptest.Server) { io.ReadAll(response.Body) }, ""},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(answer))
			defer server.Close()
			var written bytes.Buffer
			report := NewReport(&written)
			wire := NewWire(report.NewLedger(Site{Cause: "c", Unit: "u", SeenAt: []string{"f"}, Culprit: "g"}))
			response, err := (&http.Client{Transport: wire}).Get(server.URL + test.path)
			if err != nil {
				t.Fatal(err)
			}
			test.do(t, response, server)
			wire.Left(response)
			if got := strings.Join(told(t, report, &written), ", "); got != test.want {
				t.Errorf("told %q, want %q", got, test.want)
			}
			response.Body.Close() // or the server would wait for it
		})
	}
}

func answer(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/empty":
		w.WriteHeader(http.StatusNoContent)
	case "/broken":
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, "short")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	default:
		io.WriteString(w, strings.Repeat("x", 500))
	}
}

// A cancelled request gives its connection back after all.
func TestWireCured(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(answer))
	defer server.Close()
	lines := make(chan string, 10)
	report := NewReport(lineWriter(lines))
	wire := NewWire(report.NewLedger(Site{Cause: "c"}))
	request, err := http.NewRequest(http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	response, err := (&http.Client{Transport: wire}).Do(request.WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	wire.Left(response)
	for _, want := range []string{`"leak"`, `"cured"`} {
		select {
		case got := <-lines:
			if !strings.Contains(got, want) {
				t.Errorf("told %q, want %s", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("nothing told, want %s", want)
		}
		cancel()
	}
	report.Close()
}

type lineWriter chan string

func (l lineWriter) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}
