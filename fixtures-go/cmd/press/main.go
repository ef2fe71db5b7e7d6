//go:build cgo

// Press engraves plates.
package main

import (
	"shop/cases/plates"
	"shop/instrument"
)

func main() {
	instrument.Main(map[string]instrument.Opener{"plates": plates.Open})
}
