package main

func await() {
	answer := make(chan int)
	go wait(answer)
}

func wait(answer chan int) {
	<-answer
}
