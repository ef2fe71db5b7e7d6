// Package pastry bakes trays: the pieces of one tray are baked side by side, and a helper takes them out together.
package pastry

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"shop/flow"
	"shop/instrument"
)

// Bakery has ovens.
type Bakery struct {
	depth   int
	ledger  *instrument.Ledger
	quoting *flow.Quoting // nil: trays go out without a quote
}

// Open makes the bakery that a setting asks for.
func Open(setting *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	helper := "shop/cases/pastry.(*Bakery).take"
	if setting.Depth > 0 {
		helper = "shop/flow.Join"
	}
	return &Bakery{depth: setting.Depth, quoting: flow.NewQuoting(setting.Upstream), ledger: report.NewLedger(instrument.Site{
		Cause:   "waitgroup",
		Unit:    "goroutines",
		PerUnit: instrument.PerUnit{Goroutines: 1},
		SeenAt:  []string{helper},
		Culprit: "pastry.go:83 shop/cases/pastry.(*Bakery).bake",
	})}, nil
}

// Work answers with an ordinary tray, or with as many with a burnt piece as there are units.
func (b *Bakery) Work(ctx context.Context, units int) ([]byte, error) {
	quote, err := b.quoting.Ask(ctx)
	if err != nil {
		return nil, err
	}
	var answer bytes.Buffer
	for number := range max(units, 1) {
		fmt.Fprintf(&answer, "tray %d: %d words of icing\n", number, b.serve(number < units))
	}
	answer.WriteString(quote)
	return answer.Bytes(), nil
}

// tray is what the ovens of one tray share with its helper.
type tray struct {
	baking sync.WaitGroup
	inside atomic.Int32 // pieces that are not done
	unit   *instrument.Unit
}

// serve has the pieces of one tray baked. The helper stays with them until all are done.
func (b *Bakery) serve(burnt bool) int {
	pieces := []string{"happy birthday", "get well soon", "welcome"}
	t := &tray{unit: b.ledger.Open()}
	defer t.unit.Left() // every piece has come out by then
	t.baking.Add(len(pieces))
	t.inside.Store(int32(len(pieces)))
	iced, ready, done := make(chan int), make(chan struct{}), func() { b.done(t) }
	go b.take(t, ready)
	<-ready
	for number, piece := range pieces {
		go b.bake(piece, burnt && number == 0, done, iced)
	}
	words := 0
	for range pieces {
		words += <-iced
	}
	return words
}

// bake bakes one piece. A burnt one is iced all the same.
func (b *Bakery) bake(piece string, burnt bool, done func(), iced chan<- int) {
	defer b.ice(piece, iced) // first, so that it comes last
	b.heat(burnt)
	done() // d4 2.3: Done is not deferred, so a panic that is recovered skips it and the helper waits for ever
}

// ice ices a piece, whatever became of it in the oven.
func (b *Bakery) ice(piece string, iced chan<- int) {
	if recover() != nil {
		piece = strings.ToLower(piece)
	}
	iced <- len(strings.Fields(piece))
}

// heat follows the oven's programme, which has no third step.
func (b *Bakery) heat(burnt bool) int {
	steps, last := []int{180, 160}, 1
	if burnt {
		last++
	}
	return steps[last]
}

// done says that a piece is; with the last one the helper goes.
func (b *Bakery) done(t *tray) {
	t.baking.Done()
	if t.inside.Add(-1) == 0 {
		t.unit.Returned()
	}
}

// take is the helper of one tray.
func (b *Bakery) take(t *tray, ready chan<- struct{}) {
	defer t.unit.Returned()
	t.unit.Settled() // the next thing it does is to wait
	close(ready)
	if b.depth == 0 {
		t.baking.Wait()
		return
	}
	flow.Join(b.depth, &t.baking)
}
