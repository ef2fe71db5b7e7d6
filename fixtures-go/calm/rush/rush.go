// Package rush packs parcels at a few tables. Now and then a cart brings many at once, and they queue.
package rush

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"shop/instrument"
)

const (
	tableCount = 4
	packTime   = 1200 * time.Millisecond
	cartSize   = 200 // parcels: a minute for all tables
	cartFirst  = 40  // the request that brings the first cart
	cartEvery  = 400 // requests between two carts
)

// Depot has tables.
type Depot struct {
	packTime time.Duration
	tables   chan struct{}
	requests atomic.Int64
	packed   atomic.Int64
	holds    *instrument.Ledger
}

// Open sets the tables up.
func Open(setting *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	return &Depot{
		packTime: setting.Lasting(packTime),
		tables:   make(chan struct{}, tableCount),
		holds: report.NewHolds(instrument.Site{
			Cause:   "chan-send",
			Unit:    "goroutines",
			PerUnit: instrument.PerUnit{Goroutines: 1},
			SeenAt:  []string{"shop/calm/rush.(*Depot).pack"},
		}),
	}, nil
}

// Work takes the parcels of the carts that a request brings; most bring none.
func (d *Depot) Work(_ context.Context, units int) ([]byte, error) {
	carts := 0
	if (d.requests.Add(1)-1)%cartEvery == cartFirst {
		carts = units
	}
	for range carts * cartSize {
		go d.pack()
	}
	return fmt.Appendf(nil, "%d carts\n", carts), nil
}

// pack waits for a table and packs one parcel.
func (d *Depot) pack() {
	unit := d.holds.Open()
	defer unit.Returned()
	unit.Settled()
	d.tables <- struct{}{}
	time.Sleep(d.packTime)
	d.packed.Add(1)
	<-d.tables
}
