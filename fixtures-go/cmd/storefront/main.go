// Storefront shows prices.
package main

import (
	"shop/cases/prices"
	"shop/instrument"
)

func main() {
	instrument.Main(map[string]instrument.Opener{"prices": prices.Open})
}
