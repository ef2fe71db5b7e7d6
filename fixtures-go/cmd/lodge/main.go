// Lodge books rooms.
package main

import (
	"shop/cases/bookings"
	"shop/instrument"
)

func main() {
	instrument.Main(map[string]instrument.Opener{"bookings": bookings.Open})
}
