// Package guests looks after guests: each has a companion who stays until the guest's request is over.
package guests

import (
	"context"
	"fmt"

	"shop/flow"
	"shop/instrument"
)

// House has guests.
type House struct {
	holds   *instrument.Ledger
	quoting *flow.Quoting // nil: guests go without a quote
}

// Open makes the house that a setting asks for.
func Open(setting *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	return &House{quoting: flow.NewQuoting(setting.Upstream), holds: report.NewHolds(instrument.Site{
		Cause:   "context-wait",
		Unit:    "goroutines",
		PerUnit: instrument.PerUnit{Goroutines: 1},
		SeenAt:  []string{"shop/calm/guests.(*House).accompany"},
	})}, nil
}

// Work asks for a quote, with as many companions as there are units.
func (h *House) Work(ctx context.Context, units int) ([]byte, error) {
	for range units {
		child, cancel := context.WithCancel(ctx)
		go h.accompany(child, cancel)
	}
	quote, err := h.quoting.Ask(ctx)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%d companions\n%s", units, quote), nil
}

// accompany waits for the end of the request: then the server cancels its context and with it every child of it. That
// nobody else calls cancel before does no harm.
func (h *House) accompany(ctx context.Context, cancel context.CancelFunc) {
	unit := h.holds.Open()
	defer unit.Returned()
	defer cancel()
	unit.Settled()
	<-ctx.Done()
}
