// Package flow is what the services share: steps that work passes through. Every step is a frame of its own on the
// stack, so a call with `steps` waits that many frames below its caller.
package flow

import "net/http"

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
