package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"

	"go.uber.org/goleak"
)

type desk[T any] struct{ c chan T }

func (d *desk[T]) collect() { <-d.c }
func serve(c chan int)      { c <- 1 }
func pick(a, b chan int) {
	select {
	case <-a:
	case <-b:
	}
}
func lock(m *sync.Mutex)     { m.Lock() }
func wait(w *sync.WaitGroup) { w.Wait() }
func nap() {
	for {
		time.Sleep(time.Hour)
	}
}
func pinned(c chan int) { runtime.LockOSThread(); <-c }
func labelled(c chan int) {
	pprof.Do(context.Background(), pprof.Labels("tenant", "a b", "x", "1]"), func(context.Context) { <-c })
}
func forever() { select {} }
func nothing() { var c chan int; <-c }

func main() {
	ready := goleak.IgnoreCurrent()
	for range 3 {
		go (&desk[string]{make(chan string)}).collect()
	}
	go serve(make(chan int))
	go pick(make(chan int), make(chan int))
	m := new(sync.Mutex)
	m.Lock()
	go lock(m)
	w := new(sync.WaitGroup)
	w.Add(1)
	go wait(w)
	go nap()
	go pinned(make(chan int))
	go labelled(make(chan int))
	go forever()
	go nothing()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 100 {
			w.Write(make([]byte, 100000))
		}
	}))
	r, err := http.Get(s.URL)
	if err != nil {
		panic(err)
	}
	r.Body.Read(make([]byte, 1))
	fmt.Fprint(os.Stdout, goleak.Find(ready))
}
