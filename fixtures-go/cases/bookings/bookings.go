// Package bookings books rooms: every booking has a keeper who keeps the room until the booking's context is done.
package bookings

import (
	"bytes"
	"context"
	"fmt"

	"shop/flow"
	"shop/instrument"
)

// Lodge has rooms.
type Lodge struct {
	depth   int
	ledger  *instrument.Ledger
	quoting *flow.Quoting // nil: bookings go out without a quote
}

// Open makes the lodge that a setting asks for.
func Open(setting *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	keeper := "shop/cases/bookings.(*Lodge).keep"
	if setting.Depth > 0 {
		keeper = "shop/flow.Done"
	}
	return &Lodge{depth: setting.Depth, quoting: flow.NewQuoting(setting.Upstream), ledger: report.NewLedger(instrument.Site{
		Cause:   "context-wait",
		Unit:    "goroutines",
		PerUnit: instrument.PerUnit{Goroutines: 1},
		SeenAt:  []string{keeper},
		Culprit: "bookings.go:64 shop/cases/bookings.(*Lodge).book",
	})}, nil
}

// Work answers with an ordinary booking, or with as many late ones as there are units.
func (l *Lodge) Work(ctx context.Context, units int) ([]byte, error) {
	quote, err := l.quoting.Ask(ctx)
	if err != nil {
		return nil, err
	}
	var answer bytes.Buffer
	for number := range max(units, 1) {
		fmt.Fprintf(&answer, "booking %d: room %d\n", number, l.book(number, number < units))
	}
	answer.WriteString(quote)
	return answer.Bytes(), nil
}

// booking is one guest's hold on a room.
type booking struct {
	cancel context.CancelFunc
	unit   *instrument.Unit
}

// book keeps a room until the guest has its number. A booking outlives the request it came with, so its context does.
func (l *Lodge) book(number int, late bool) int {
	unit := l.ledger.Open()
	defer unit.Left() // first, so that it comes last
	ctx, cancel := context.WithCancel(context.Background())
	guest := booking{cancel: cancel, unit: unit}
	rooms := make(chan int)
	go l.keep(ctx, number, rooms, unit)
	if late {
		return <-rooms // d0 2.4: cancel is never called, so the keeper waits for Done for ever
	}
	defer guest.end()
	return <-rooms
}

// end gives the room back: its keeper sees the context done and goes.
func (b *booking) end() {
	b.cancel()
	b.unit.Returned()
}

// keep picks a room and keeps it.
func (l *Lodge) keep(ctx context.Context, number int, rooms chan<- int, unit *instrument.Unit) {
	defer unit.Returned()
	rooms <- 100 + number*7%40
	unit.Settled() // the next thing it does is to wait
	if l.depth == 0 {
		<-ctx.Done()
		return
	}
	flow.Done(ctx, l.depth)
}
