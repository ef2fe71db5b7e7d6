// Package library is no program.
package library

// Nothing is what it has.
func Nothing() {}
