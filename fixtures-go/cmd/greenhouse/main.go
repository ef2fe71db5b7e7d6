// Greenhouse waters and airs beds.
package main

import (
	"shop/cases/airing"
	"shop/cases/watering"
	"shop/instrument"
)

func main() {
	instrument.Main(map[string]instrument.Opener{"airing": airing.Open, "watering": watering.Open})
}
