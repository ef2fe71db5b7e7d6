// Mailroom sends digests.
package main

import (
	"shop/cases/digest"
	"shop/instrument"
)

func main() {
	instrument.Main(map[string]instrument.Opener{"digest": digest.Open})
}
