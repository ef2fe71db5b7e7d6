// Kitchen cooks orders and bakes trays.
package main

import (
	"shop/cases/orders"
	"shop/cases/pastry"
	"shop/instrument"
)

func main() {
	instrument.Main(map[string]instrument.Opener{"orders": orders.Open, "pastry": pastry.Open})
}
