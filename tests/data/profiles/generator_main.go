// One program that shows what the dumps of goprof/ lack: heap, allocs, mutex, block, threadcreate and CPU profiles,
// unclosed HTTP bodies, deep and generic stacks, odd labels, and ancestors.
//
// GODEBUG=tracebackancestors=3,tracebacklabels=1,gctrace=1,schedtrace=300 ./generator FOLDER
package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"time"
)

var kept [][]byte

//go:noinline
func keep(n int) { kept = append(kept, make([]byte, n)) }

type queue[T any] struct{ items chan T }

//go:noinline
func (q *queue[T]) take() T { return <-q.items }

//go:noinline
func deep(n int, c chan int) int {
	if n == 0 {
		return <-c
	}
	return deep(n-1, c) + 1
}

func parent(c chan int) { go child(c) }

func child(c chan int) { <-c }

var mutex sync.Mutex

//go:noinline
func contend(wait *sync.WaitGroup) {
	defer wait.Done()
	for i := 0; i < 20; i++ {
		mutex.Lock()
		time.Sleep(time.Millisecond)
		mutex.Unlock()
	}
}

//go:noinline
func burn(until time.Time) (n int) {
	for time.Now().Before(until) {
		for i := 0; i < 1e6; i++ {
			n += i * i
		}
	}
	return n
}

func dump(folder, name, file string, debug int) {
	f, err := os.Create(folder + "/" + file)
	if err == nil {
		err = pprof.Lookup(name).WriteTo(f, debug)
	}
	if err != nil {
		panic(err)
	}
	f.Close()
}

func main() {
	folder := os.Args[1]
	runtime.MemProfileRate = 4096
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(strings.Repeat("x", 1<<20)))
	}))
	for i := 0; i < 3; i++ {
		if _, err := http.Get(server.URL); err != nil {
			panic(err)
		}
	}
	silent := make(chan int)
	go (&queue[string]{make(chan string)}).take()
	go deep(200, silent)
	go parent(silent)
	odd := pprof.Labels("k]ey", "a\"b\\c: {d}, e]:\n\xff é", "empty", "", "plain", "x/y_z.1")
	pprof.Do(context.Background(), odd, func(context.Context) { go child(silent) })
	go func() { runtime.LockOSThread(); <-silent }()

	cpu, _ := os.Create(folder + "/profile.pb.gz")
	pprof.StartCPUProfile(cpu)
	var wait sync.WaitGroup
	wait.Add(3)
	for i := 0; i < 3; i++ {
		go contend(&wait)
	}
	burn(time.Now().Add(300 * time.Millisecond))
	wait.Wait()
	pprof.StopCPUProfile()
	cpu.Close()
	for i := 0; i < 50; i++ {
		keep(100000)
	}
	runtime.GC()
	runtime.GC()
	for _, name := range []string{"heap", "allocs", "mutex", "block", "threadcreate", "goroutine"} {
		dump(folder, name, name+".debug0.pb.gz", 0)
		dump(folder, name, name+".debug1.txt", 1)
	}
	dump(folder, "goroutine", "goroutine.debug2.txt", 2)
	fmt.Fprintln(os.Stderr, "done")
}
