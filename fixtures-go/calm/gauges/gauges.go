// Package gauges reads gauges: some from the start, and those of a tenant from its first request on, every second and
// for as long as the program lives.
package gauges

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"shop/instrument"
)

const (
	readTime  = time.Second // between two readings of a gauge
	gaugesMin = 110         // gauges of the house
	tenantMax = 16          // tenants, each with one gauge
)

// House has gauges.
type House struct {
	readings atomic.Int64
	mutex    sync.Mutex
	tenants  int
}

// Open starts to read the gauges of the house.
func Open(_ *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	report.Tell(instrument.Event{Kind: "calm", Text: "shop/calm/gauges.(*House).follow"})
	house := &House{}
	for range gaugesMin {
		go house.follow()
	}
	return house, nil
}

// Work lets as many tenants move in as there are units, if there is room.
func (h *House) Work(_ context.Context, units int) ([]byte, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for range min(units, tenantMax-h.tenants) {
		h.tenants++
		go h.follow()
	}
	return fmt.Appendf(nil, "%d tenants\n", h.tenants), nil
}

// follow reads one gauge. It is meant to go on.
func (h *House) follow() {
	for range time.Tick(readTime) {
		h.readings.Add(1)
	}
}
