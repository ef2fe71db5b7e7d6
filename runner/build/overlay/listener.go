// The listener of an instrumented program, added to its package main by a build overlay. It serves what
// net/http/pprof serves, and metrics of the runtime, on the socket inherited as descriptor 3. Imports have names of
// their own and nothing is declared that a program might declare, too; net/http/pprof is not imported because it
// would put its handlers on the program's own default mux.
package main

import (
	inheritedBytes "bytes"
	inheritedFmt "fmt"
	inheritedIo "io"
	inheritedLog "log"
	inheritedNet "net"
	inheritedHttp "net/http"
	inheritedOs "os"
	inheritedRuntime "runtime"
	inheritedDebug "runtime/debug"
	inheritedMetrics "runtime/metrics"
	inheritedPprof "runtime/pprof"
	inheritedTrace "runtime/trace"
	inheritedStrconv "strconv"
	inheritedStrings "strings"
	inheritedTime "time"
)

var inheritedMux = inheritedHttp.NewServeMux()

// The variable says that descriptor 3 is the runner's socket. It goes at once: what the program starts, even itself
// again, may have something else there.
func init() {
	_, given := inheritedOs.LookupEnv("INHERITED_LISTENER")
	inheritedOs.Unsetenv("INHERITED_LISTENER")
	if !given {
		return
	}
	file := inheritedOs.NewFile(3, "listener")
	listener, err := inheritedNet.FileListener(file)
	file.Close()
	if err != nil {
		inheritedFmt.Fprintln(inheritedOs.Stderr, "inherited listener:", err)
		return
	}
	inheritedMux.HandleFunc("/debug/pprof/", inheritedProfile)
	inheritedMux.HandleFunc("/metrics", inheritedWriteMetrics)
	server := &inheritedHttp.Server{
		Handler:           inheritedMux,
		ReadHeaderTimeout: 10 * inheritedTime.Second,
		IdleTimeout:       5 * inheritedTime.Minute,
		ErrorLog:          inheritedLog.New(inheritedIo.Discard, "", 0),
	}
	go server.Serve(listener)
}

// inheritedProfile answers /debug/pprof/NAME with the parameters debug, gc and seconds.
func inheritedProfile(w inheritedHttp.ResponseWriter, r *inheritedHttp.Request) {
	name := inheritedStrings.TrimPrefix(r.URL.Path, "/debug/pprof/")
	debug, _ := inheritedStrconv.Atoi(r.FormValue("debug"))
	collect, _ := inheritedStrconv.Atoi(r.FormValue("gc"))
	kind := "application/octet-stream"
	if debug > 0 || name == "" || name == "cmdline" {
		kind = "text/plain; charset=utf-8"
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Type", kind)
	switch name {
	case "":
		for _, profile := range inheritedPprof.Profiles() {
			inheritedFmt.Fprintf(w, "%d\t%s\n", profile.Count(), profile.Name())
		}
	case "cmdline":
		inheritedIo.WriteString(w, inheritedStrings.Join(inheritedOs.Args, "\x00"))
	case "profile":
		inheritedForSeconds(w, r, 30, inheritedPprof.StartCPUProfile, inheritedPprof.StopCPUProfile)
	case "trace":
		inheritedForSeconds(w, r, 1, inheritedTrace.Start, inheritedTrace.Stop)
	default:
		profile := inheritedPprof.Lookup(name)
		if profile == nil {
			inheritedRefuse(w, 404, "Unknown profile")
			return
		}
		if name == "heap" && collect > 0 {
			inheritedRuntime.GC()
		}
		profile.WriteTo(w, debug)
	}
}

func inheritedRefuse(w inheritedHttp.ResponseWriter, status int, text string) {
	w.Header().Set("X-Go-Pprof", "1")
	inheritedHttp.Error(w, text, status)
}

func inheritedForSeconds(w inheritedHttp.ResponseWriter, r *inheritedHttp.Request, seconds int,
	start func(inheritedIo.Writer) error, stop func()) {
	if asked, err := inheritedStrconv.Atoi(r.FormValue("seconds")); err == nil && asked > 0 {
		seconds = asked
	}
	if err := start(w); err != nil {
		inheritedRefuse(w, 500, err.Error())
		return
	}
	select {
	case <-inheritedTime.After(inheritedTime.Duration(seconds) * inheritedTime.Second):
	case <-r.Context().Done():
	}
	stop()
}

// inheritedWriteMetrics writes the metrics that Prometheus' Go client has of the runtime, by the same names.
func inheritedWriteMetrics(w inheritedHttp.ResponseWriter, _ *inheritedHttp.Request) {
	samples := [...]inheritedMetrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/gc/heap/objects:objects"},
		{Name: "/gc/heap/goal:bytes"},
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/gc/heap/allocs:objects"},
		{Name: "/gc/heap/tiny/allocs:objects"},
	}
	var values [len(samples)]uint64
	inheritedMetrics.Read(samples[:])
	for i := range samples {
		if samples[i].Value.Kind() == inheritedMetrics.KindUint64 {
			values[i] = samples[i].Value.Uint64()
		}
	}
	var collections inheritedDebug.GCStats
	inheritedDebug.ReadGCStats(&collections)
	threads, _ := inheritedRuntime.ThreadCreateProfile(nil)
	var page inheritedBytes.Buffer
	write := func(name, kind string, value interface{}) {
		inheritedFmt.Fprintf(&page, "# TYPE %s %s\n%s %v\n", name, kind, name, value)
	}
	write("go_goroutines", "gauge", inheritedRuntime.NumGoroutine())
	write("go_threads", "gauge", threads)
	write("go_memstats_heap_alloc_bytes", "gauge", values[0])
	write("go_memstats_heap_inuse_bytes", "gauge", values[0]+values[1])
	write("go_memstats_stack_inuse_bytes", "gauge", values[2])
	write("go_memstats_heap_objects", "gauge", values[3])
	write("go_memstats_next_gc_bytes", "gauge", values[4])
	write("go_memstats_alloc_bytes_total", "counter", values[5])
	write("go_memstats_mallocs_total", "counter", values[6]+values[7])
	inheritedWritePauses(&page, "go_sched_pauses_total_gc_seconds", "/sched/pauses/total/gc:seconds")
	inheritedWritePauses(&page, "go_sched_pauses_total_other_seconds", "/sched/pauses/total/other:seconds")
	inheritedFmt.Fprintf(&page, "# TYPE go_gc_duration_seconds summary\ngo_gc_duration_seconds_sum %v\n"+
		"go_gc_duration_seconds_count %d\n", collections.PauseTotal.Seconds(), collections.NumGC)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Write(page.Bytes())
}

// inheritedWritePauses writes how often and for how long the world stood still, each pause taken to be in the middle of
// the runtime's bucket. A runtime that does not count them has no such line.
func inheritedWritePauses(page *inheritedBytes.Buffer, name, metric string) {
	sample := [...]inheritedMetrics.Sample{{Name: metric}}
	inheritedMetrics.Read(sample[:])
	if sample[0].Value.Kind() != inheritedMetrics.KindFloat64Histogram {
		return
	}
	histogram := sample[0].Value.Float64Histogram()
	count, sum := uint64(0), 0.0
	for i, n := range histogram.Counts {
		low, high := histogram.Buckets[i], histogram.Buckets[i+1]
		if i == 0 {
			low = high // the first and the last bucket may have no end
		}
		if i == len(histogram.Counts)-1 {
			high = low
		}
		count += n
		sum += float64(n) * (low + high) / 2
	}
	inheritedFmt.Fprintf(page, "# TYPE %s summary\n%s_sum %v\n%s_count %d\n", name, name, sum, name, count)
}
