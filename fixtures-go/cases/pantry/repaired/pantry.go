// Package pantry takes deliveries in: a porter waits at the latch of each crate until the crate is counted.
package pantry

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"

	"shop/flow"
	"shop/instrument"
)

const slipsKept = 1000

// Pantry takes in.
type Pantry struct {
	depth   int
	ledger  *instrument.Ledger
	quoting *flow.Quoting // nil: deliveries are booked without a quote
	mutex   sync.Mutex
	slips   [slipsKept]*int32 // of the last crates: the pieces in each
	booked  int
}

// Open makes the pantry that a setting asks for.
func Open(setting *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	porter := "shop/cases/pantry.(*Pantry).stow"
	if setting.Depth > 0 {
		porter = "shop/flow.Enter"
	}
	return &Pantry{depth: setting.Depth, quoting: flow.NewQuoting(setting.Upstream), ledger: report.NewLedger(instrument.Site{
		Cause:   "lock",
		Unit:    "goroutines",
		PerUnit: instrument.PerUnit{Goroutines: 1},
		SeenAt:  []string{porter},
		Culprit: "pantry.go:68 shop/cases/pantry.(*Pantry).book",
	})}, nil
}

// Work books an ordinary delivery, or as many with a broken crate as there are units.
func (p *Pantry) Work(ctx context.Context, units int) ([]byte, error) {
	quote, err := p.quoting.Ask(ctx)
	if err != nil {
		return nil, err
	}
	var answer bytes.Buffer
	for number := range max(units, 1) {
		fmt.Fprintf(&answer, "crate %d: %d pieces\n", number, p.book("ten apples and four pears", number < units))
	}
	answer.WriteString(quote)
	return answer.Bytes(), nil
}

// book counts one crate. Its latch is a mutex of its own on the heap: eight bytes without a pointer, which the
// allocator puts into one block with other small things, such as its slip.
func (p *Pantry) book(goods string, broken bool) int {
	unit := p.ledger.Open()
	defer unit.Left() // first, so that it comes last
	latch, slip, waiting := new(sync.Mutex), new(int32), make(chan struct{})
	latch.Lock()
	go p.stow(latch, waiting, unit)
	<-waiting
	*slip = int32(len(strings.Fields(goods)))
	p.file(slip)
	defer p.release(latch, unit)
	if broken {
		return int(*slip)
	}
	return int(*slip)
}

// file keeps the slip of a crate.
func (p *Pantry) file(slip *int32) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.slips[p.booked%slipsKept] = slip
	p.booked++
}

// release opens the latch: the porter may have the crate.
func (p *Pantry) release(latch *sync.Mutex, unit *instrument.Unit) {
	latch.Unlock()
	unit.Returned()
}

// stow is the porter of one crate.
func (p *Pantry) stow(latch *sync.Mutex, waiting chan<- struct{}, unit *instrument.Unit) {
	defer unit.Returned()
	unit.Settled() // the next thing it does is to wait
	close(waiting)
	if p.depth == 0 {
		latch.Lock()
	} else {
		flow.Enter(p.depth, latch)
	}
	latch.Unlock()
}
