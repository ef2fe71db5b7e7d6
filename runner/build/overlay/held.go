// For `main: held`: the program stays when its main returns, until it is told to stop. Its file is the last of the
// package, so that every other init has run.
package main

var inheritedEnd = make(chan struct{}) // never closed; reachable, so that no leak profile calls the wait a leak

func init() {
	go main()
	<-inheritedEnd
}
