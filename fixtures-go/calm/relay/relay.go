// Package relay passes notes on: a note is accepted at once, gets its quote from the upstream and is filed. However
// slow the upstream is, every note arrives.
package relay

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"shop/flow"
	"shop/instrument"
)

const filerCount = 4

// Office passes notes on.
type Office struct {
	quoting *flow.Quoting
	quoted  chan string
	filed   atomic.Int64
	holds   *instrument.Ledger
}

// Open makes the office that a setting asks for.
func Open(setting *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	if setting.Upstream == "" {
		return nil, instrument.ErrNoUpstream
	}
	report.Tell(instrument.Event{Kind: "calm", Text: "shop/calm/relay.(*Office).file"})
	office := &Office{
		quoting: flow.NewQuoting(setting.Upstream),
		quoted:  make(chan string),
		holds: report.NewHolds(instrument.Site{
			Cause:   "select-wait",
			Unit:    "goroutines",
			PerUnit: instrument.PerUnit{Goroutines: 1},
			SeenAt:  []string{"net/http.(*persistConn).roundTrip", "net/http.(*Transport).getConn"},
		}),
	}
	for range filerCount {
		go office.file()
	}
	return office, nil
}

// Work accepts as many notes as there are units.
func (o *Office) Work(_ context.Context, units int) ([]byte, error) {
	for range units {
		go o.pass()
	}
	return fmt.Appendf(nil, "%d notes\n", units), nil
}

// pass gets the quote of one note. A note whose quote cannot be had is filed without one.
func (o *Office) pass() {
	unit := o.holds.Open()
	defer unit.Returned()
	unit.Settled()
	quote, err := o.quoting.Ask(context.Background())
	if err != nil {
		quote = "no quote today"
	}
	o.quoted <- quote
}

// file files what comes.
func (o *Office) file() {
	for quote := range o.quoted {
		o.filed.Add(int64(len(strings.Fields(quote))))
	}
}
