// A program that has names of its own for what an added file might import or declare, a file of the added file's name,
// and pprof patterns on the default mux.
package main

import (
	"fmt"
	"net/http"
	"os"
	"sync"
)

var listener, metrics, pprof, mux, runtime, debug, trace, strconv, log, net, server, time int

type bytes struct{ io, strings sync.Mutex }

func main() {
	if _, there := os.LookupEnv("INHERITED_LISTENER"); there {
		fmt.Fprintln(os.Stderr, "the environment was not cleaned")
		os.Exit(4)
	}
	http.HandleFunc("GET /debug/pprof/", http.NotFound)
	http.HandleFunc("/metrics", http.NotFound)
	var held bytes
	held.io.Lock()
	fmt.Fprintln(os.Stderr, listener+metrics+pprof+mux+runtime+debug+trace+strconv+log+net+server+time)
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
