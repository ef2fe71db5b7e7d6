//go:build cgo

// Printshop prints covers, in a build that watches the memory of the C library.
package main

import (
	"shop/cases/covers"
	"shop/instrument"
)

func main() {
	instrument.Main(map[string]instrument.Opener{"covers": covers.Open})
}
