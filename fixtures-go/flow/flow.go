// Package flow is what the services share: steps that work passes through. Every step is a frame of its own on the
// stack, so a call with `steps` waits that many frames below its caller.
package flow

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Batch is what travels through a channel of the services.
type Batch []string

// Next waits for the next batch; false when there will be none. steps is at least 1.
func Next(steps int, batches <-chan Batch) (Batch, bool) {
	if steps > 1 {
		return Next(steps-1, batches)
	}
	batch, open := <-batches
	return batch, open
}

// Ask sends the request. With no steps it is the client's own Do.
func Ask(steps int, client *http.Client, request *http.Request) (*http.Response, error) {
	if steps > 0 {
		return Ask(steps-1, client, request)
	}
	return client.Do(request)
}

// Join waits until every part of the group is done.
func Join(steps int, group *sync.WaitGroup) {
	if steps > 1 {
		Join(steps-1, group)
		return
	}
	group.Wait()
}

// Enter waits until nobody else is in.
func Enter(steps int, latch *sync.Mutex) {
	if steps > 1 {
		Enter(steps-1, latch)
		return
	}
	latch.Lock()
}

// Done waits until the context is.
func Done(ctx context.Context, steps int) {
	if steps > 1 {
		Done(ctx, steps-1)
		return
	}
	<-ctx.Done()
}

// Tick waits for the next tick; false when there will be none because ended is closed. ended may be nil.
func Tick(steps int, ticks <-chan time.Time, ended <-chan struct{}) bool {
	if steps > 1 {
		return Tick(steps-1, ticks, ended)
	}
	if ended == nil {
		_, open := <-ticks
		return open
	}
	select {
	case <-ticks:
		return true
	case <-ended:
		return false
	}
}

// Sheet is paper for so many bytes.
func Sheet(steps, size int) []byte {
	if steps > 1 {
		return Sheet(steps-1, size)
	}
	return make([]byte, size)
}

// Strokes counts the characters of a text that leave ink.
func Strokes(steps int, text []byte) int {
	if steps > 1 {
		return Strokes(steps-1, text)
	}
	strokes := 0
	for _, character := range text {
		if character > ' ' {
			strokes++
		}
	}
	return strokes
}
