// Gatehouse lets visitors in. Its main has nothing to do but to stay.
package main

import (
	"shop/calm/turnstile"
	"shop/instrument"
)

func main() {
	go instrument.Main(map[string]instrument.Opener{"turnstile": turnstile.Open})
	select {}
}
