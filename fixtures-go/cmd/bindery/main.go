//go:build cgo

// Bindery prints covers and binds folios.
package main

import (
	"shop/cases/covers"
	"shop/cases/folios"
	"shop/instrument"
)

func main() {
	instrument.Main(map[string]instrument.Opener{"covers": covers.Open, "folios": folios.Open})
}
