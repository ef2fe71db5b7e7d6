package instrument

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	requestTime  = 10 * time.Second // for the head of a request
	keptTime     = 5 * time.Minute  // an unused connection; longer than a run, so that none closes in its midst
	shutdownTime = 2 * time.Second  // for requests under way when the program is told to stop
)

// Service is what a case offers at /work.
type Service interface {
	// Work answers one request, taking that many units; zero is an ordinary request too.
	Work(ctx context.Context, units int) ([]byte, error)
}

// workHandler numbers the requests from 0 and gives each its dose. While the breaker is open it turns them away.
func workHandler(setting *Setting, service Service, breaker *atomic.Bool) http.Handler {
	var requests atomic.Uint64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if breaker.Load() {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "circuit open", http.StatusServiceUnavailable)
			return
		}
		answer, err := service.Work(r.Context(), setting.Units(requests.Add(1)-1))
		if err != nil {
			http.Error(w, "upstream unavailable", http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		w.Write(answer)
	})
}

// serviceMux is /work beside what an operator expects of a Go service: pprof, metrics of the runtime, and a look at what
// stays.
func serviceMux(setting *Setting, service Service, breaker *atomic.Bool, stays *stays) *http.ServeMux {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), newPauses())
	mux := http.NewServeMux()
	mux.Handle("/work", workHandler(setting, service, breaker))
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.Handle("/debug/goleak", stays)
	return mux
}

func newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: requestTime,
		IdleTimeout:       keptTime,
		ErrorLog:          log.New(io.Discard, "", 0), // standard error belongs to the runtime's own lines
	}
}

// door is a listener that says when it is first waited at: from then on the server really serves.
type door struct {
	net.Listener
	once sync.Once
	open func()
}

func (d *door) Accept() (net.Conn, error) {
	d.once.Do(d.open)
	return d.Listener.Accept()
}
