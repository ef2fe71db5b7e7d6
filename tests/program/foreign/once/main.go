// A program that runs once: it leaves as many goroutines behind as its argument has letters, and returns.
package main

import "os"

func wait(answer chan int) { <-answer }

func main() {
	for range os.Args[1] {
		go wait(make(chan int))
	}
}
