// Package turnstile lets visitors through: its clerks all wait at one channel, and most of them are never needed.
package turnstile

import (
	"context"
	"fmt"

	"shop/flow"
	"shop/instrument"
)

const clerkCount = 150

// Gate has clerks.
type Gate struct {
	visitors chan flow.Batch
	passed   chan int
}

// Open seats the clerks.
func Open(_ *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	report.Tell(instrument.Event{Kind: "calm", Text: "shop/calm/turnstile.(*Gate).attend"})
	report.Tell(instrument.Event{Kind: "calm", Text: "main.main"})
	gate := &Gate{visitors: make(chan flow.Batch), passed: make(chan int, clerkCount)}
	for range clerkCount {
		go gate.attend()
	}
	return gate, nil
}

// Work lets as many groups through as there are units.
func (g *Gate) Work(_ context.Context, units int) ([]byte, error) {
	passed := 0
	for range max(units, 1) {
		g.visitors <- flow.Batch{"a visitor", "and another one"}
		passed += <-g.passed
	}
	return fmt.Appendf(nil, "%d visitors\n", passed), nil
}

// attend is a clerk.
func (g *Gate) attend() {
	for group := range g.visitors {
		g.passed <- len(group)
	}
}
