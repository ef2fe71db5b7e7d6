// Kitchen cooks orders.
package main

import (
	"shop/cases/orders"
	"shop/instrument"
)

func main() {
	instrument.Main(map[string]instrument.Opener{"orders": orders.Open})
}
