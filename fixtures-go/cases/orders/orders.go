// Package orders cooks orders: the dishes of one order are cooked side by side, and a waiter carries them out together.
package orders

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

// Kitchen cooks.
type Kitchen struct {
	depth   int
	ledger  *instrument.Ledger
	quoting *flow.Quoting // nil: orders go out without a quote
}

// Open makes the kitchen that a setting asks for.
func Open(setting *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	waiter := "shop/cases/orders.(*Kitchen).carry"
	if setting.Depth > 0 {
		waiter = "shop/flow.Join"
	}
	return &Kitchen{depth: setting.Depth, quoting: flow.NewQuoting(setting.Upstream), ledger: report.NewLedger(instrument.Site{
		Cause:   "waitgroup",
		Unit:    "goroutines",
		PerUnit: instrument.PerUnit{Goroutines: 1},
		SeenAt:  []string{waiter},
		Culprit: "orders.go:84 shop/cases/orders.(*Kitchen).cook",
	})}, nil
}

// Work answers with an ordinary order, or with as many with a cold dish as there are units.
func (k *Kitchen) Work(ctx context.Context, units int) ([]byte, error) {
	quote, err := k.quoting.Ask(ctx)
	if err != nil {
		return nil, err
	}
	var answer bytes.Buffer
	for number := range max(units, 1) {
		fmt.Fprintf(&answer, "order %d: %d portions\n", number, k.serve(number < units))
	}
	answer.WriteString(quote)
	return answer.Bytes(), nil
}

// order is what the cooks of one order share with its waiter.
type order struct {
	pending sync.WaitGroup
	hot     atomic.Int32 // dishes that are not done
	unit    *instrument.Unit
}

// serve has the dishes of one order cooked. The waiter stays with them until all are done.
func (k *Kitchen) serve(cold bool) int {
	dishes := []string{"soup of the day", "bread and butter", "plum cake"}
	o := &order{unit: k.ledger.Open()}
	defer o.unit.Left() // every cook has gone by then
	o.pending.Add(len(dishes))
	o.hot.Store(int32(len(dishes)))
	plates, seated := make(chan int), make(chan struct{})
	go k.carry(o, seated)
	<-seated
	for number, dish := range dishes {
		go k.cook(o, dish, cold && number == 0, plates)
	}
	portions := 0
	for range dishes {
		portions += <-plates
	}
	return portions
}

// cook makes one dish. A cold dish needs no stove.
func (k *Kitchen) cook(o *order, dish string, cold bool, plates chan<- int) {
	portions := len(strings.Fields(dish))
	defer func() { plates <- portions }() // first, so that it comes last
	if cold {
		return // d0 2.2: an early return before Done is deferred, so the waiter waits for ever
	}
	defer k.done(o)
}

// done says that a dish is; with the last one the waiter goes.
func (k *Kitchen) done(o *order) {
	o.pending.Done()
	if o.hot.Add(-1) == 0 {
		o.unit.Returned()
	}
}

// carry is the waiter of one order.
func (k *Kitchen) carry(o *order, seated chan<- struct{}) {
	defer o.unit.Returned()
	o.unit.Settled() // the next thing it does is to wait
	close(seated)
	if k.depth == 0 {
		o.pending.Wait()
		return
	}
	flow.Join(k.depth, &o.pending)
}
