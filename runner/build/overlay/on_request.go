// For `main: on-request`: main does not run when the program starts, but once for each request of /main, and the
// answer comes when it returns. Its file is the last of the package, so that every other init has run.
package main

import inheritedNetHttp "net/http"

var inheritedEnd = make(chan struct{}) // never closed; reachable, so that no leak profile calls the wait a leak

func init() {
	inheritedMux.HandleFunc("/main", func(inheritedNetHttp.ResponseWriter, *inheritedNetHttp.Request) {
		returned := make(chan struct{})
		go func() { // not on the server's goroutine: net/http would swallow a panic
			defer close(returned)
			main()
		}()
		<-returned
	})
	<-inheritedEnd
}
