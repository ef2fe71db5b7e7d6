// Package watering waters beds: who visits a bed has its soil looked at, at once and at every tick of a clock.
package watering

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"shop/flow"
	"shop/instrument"
)

const tickTime = time.Second // between two looks at a bed

// House is full of beds.
type House struct {
	depth   int
	looks   atomic.Int64
	ledger  *instrument.Ledger
	quoting *flow.Quoting // nil: beds are shown without a quote
}

// Open makes the house that a setting asks for.
func Open(setting *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	looker := "shop/cases/watering.(*House).follow"
	if setting.Depth > 0 {
		looker = "shop/flow.Tick"
	}
	return &House{depth: setting.Depth, quoting: flow.NewQuoting(setting.Upstream), ledger: report.NewLedger(instrument.Site{
		Cause:   "ticker-wait",
		Unit:    "goroutines",
		PerUnit: instrument.PerUnit{Goroutines: 1},
		SeenAt:  []string{looker},
		Culprit: "watering.go:60 shop/cases/watering.(*House).show",
	})}, nil
}

// Work answers with an ordinary visit to a bed, or with as many that last the season as there are units.
func (h *House) Work(ctx context.Context, units int) ([]byte, error) {
	quote, err := h.quoting.Ask(ctx)
	if err != nil {
		return nil, err
	}
	var answer bytes.Buffer
	for number := range max(units, 1) {
		fmt.Fprintf(&answer, "bed %d: %d parts of water\n", number, h.show(number, number < units))
	}
	answer.WriteString(quote)
	return answer.Bytes(), nil
}

// show looks at one bed and has it followed, by the ticks of its own clock.
func (h *House) show(bed int, season bool) int {
	unit := h.ledger.Open()
	defer unit.Left() // first, so that it comes last
	ticker, gone, first := time.NewTicker(tickTime), make(chan struct{}), make(chan int)
	if season {
		go h.follow(bed, ticker.C, gone, first, unit)
	} else {
		go h.follow(bed, ticker.C, gone, first, unit)
	}
	defer h.leave(ticker, gone, unit)
	return <-first
}

// leave ends a visit: who heeds gone goes.
func (h *House) leave(ticker *time.Ticker, gone chan<- struct{}, unit *instrument.Unit) {
	ticker.Stop()
	close(gone)
	unit.Returned()
}

// follow looks at a bed at once and then at every tick, for the season or until gone is closed.
func (h *House) follow(bed int, ticks <-chan time.Time, gone <-chan struct{}, first chan<- int, unit *instrument.Unit) {
	defer unit.Returned()
	unit.Settled()
	first <- h.look(bed)
	if gone == nil && h.depth == 0 {
		for range ticks {
			h.look(bed)
		}
		return
	}
	for flow.Tick(max(h.depth, 1), ticks, gone) {
		h.look(bed)
	}
}

// look measures the water of a bed.
func (h *House) look(bed int) int {
	h.looks.Add(1)
	return (bed*7+3)%11 + 1
}
