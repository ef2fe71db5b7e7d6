// Depot keeps a store, and the people in it, busy.
package main

import (
	"shop/calm/crew"
	"shop/calm/gauges"
	"shop/calm/guests"
	"shop/calm/relay"
	"shop/calm/rush"
	"shop/calm/shelves"
	"shop/calm/visits"
	"shop/instrument"
)

func main() {
	instrument.Main(map[string]instrument.Opener{
		"crew":        crew.Open,
		"gauges":      gauges.Open,
		"guests":      guests.Open,
		"relay":       relay.Open,
		"rush":        rush.Open,
		"shelves":     shelves.Open,
		"visits":      visits.Open,
		"long visits": visits.OpenLong,
	})
}
