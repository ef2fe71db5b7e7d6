// Kitchen cooks orders, bakes trays and takes deliveries in.
package main

import (
	"shop/cases/orders"
	"shop/cases/pantry"
	"shop/cases/pastry"
	"shop/instrument"
)

func main() {
	instrument.Main(map[string]instrument.Opener{"orders": orders.Open, "pantry": pantry.Open, "pastry": pastry.Open})
}
