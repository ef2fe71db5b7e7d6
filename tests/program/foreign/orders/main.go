// A server that knows nothing of leakdrill: no pprof, no metrics, its own port. /leak leaves a goroutine behind.
package main

import (
	"flag"
	"io"
	"log"
	"net/http"
)

func main() {
	listen := flag.String("listen", "", "address")
	flag.Parse()
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	http.HandleFunc("/orders", func(w http.ResponseWriter, _ *http.Request) {
		await()
		io.WriteString(w, "ordered")
	})
	log.Fatal(http.ListenAndServe(*listen, nil))
}
