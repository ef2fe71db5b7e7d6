// Mailroom sends digests and hangs notices.
package main

import (
	"shop/cases/digest"
	"shop/cases/notices"
	"shop/instrument"
)

func main() {
	instrument.Main(map[string]instrument.Opener{"digest": digest.Open, "notices": notices.Open})
}
