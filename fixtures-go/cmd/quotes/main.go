// Quotes is an upstream: it answers every request with a text.
package main

import (
	"shop/instrument"
	"shop/upstreams/quotes"
)

func main() {
	instrument.Serve(quotes.Handler())
}
