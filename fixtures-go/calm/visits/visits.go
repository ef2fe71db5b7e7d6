// Package visits shows visitors in: for each a reminder waits until the time of the visit is over.
package visits

import (
	"context"
	"fmt"
	"time"

	"shop/instrument"
)

const (
	shortTime = 20 * time.Second
	longTime  = 100 * time.Second
)

// Hall is where visitors wait.
type Hall struct {
	visitTime time.Duration
	holds     *instrument.Ledger
}

// Open makes a hall of short visits.
func Open(setting *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	return newHall(report, setting.Lasting(shortTime)), nil
}

// OpenLong makes a hall of long visits.
func OpenLong(setting *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	return newHall(report, setting.Lasting(longTime)), nil
}

func newHall(report *instrument.Report, visitTime time.Duration) *Hall {
	return &Hall{visitTime: visitTime, holds: report.NewHolds(instrument.Site{
		Cause:   "context-wait",
		Unit:    "goroutines",
		PerUnit: instrument.PerUnit{Goroutines: 1},
		SeenAt:  []string{"shop/calm/visits.(*Hall).remind"},
	})}
}

// Work shows as many visitors in as there are units.
func (h *Hall) Work(_ context.Context, units int) ([]byte, error) {
	for range units {
		go h.remind()
	}
	return fmt.Appendf(nil, "%d visitors\n", units), nil
}

// remind waits for the end of a visit. It comes: the context has a deadline.
func (h *Hall) remind() {
	unit := h.holds.Open()
	defer unit.Returned()
	ctx, cancel := context.WithTimeout(context.Background(), h.visitTime)
	defer cancel()
	unit.Settled()
	<-ctx.Done()
}
