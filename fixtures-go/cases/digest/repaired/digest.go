// Package digest collects letters into digests: every digest has a collector that takes batches from a channel.
package digest

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"shop/flow"
	"shop/instrument"
)

// Desk opens digests.
type Desk struct {
	depth   int
	ledger  *instrument.Ledger
	quoting *flow.Quoting // nil: digests go out without a quote
}

// Open makes the desk that a setting asks for.
func Open(setting *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	collector := "shop/cases/digest.(*Desk).collect"
	if setting.Depth > 0 {
		collector = "shop/flow.Next"
	}
	return &Desk{depth: setting.Depth, quoting: flow.NewQuoting(setting.Upstream), ledger: report.NewLedger(instrument.Site{
		Cause:   "chan-receive",
		Unit:    "goroutines",
		PerUnit: instrument.PerUnit{Goroutines: 1},
		SeenAt:  []string{collector},
		Culprit: "digest.go:62 shop/cases/digest.(*Desk).open",
	})}, nil
}

// Work answers with an ordinary digest, or with as many urgent ones as there are units.
func (d *Desk) Work(ctx context.Context, units int) ([]byte, error) {
	quote, err := d.quoting.Ask(ctx)
	if err != nil {
		return nil, err
	}
	var answer bytes.Buffer
	for number := range max(units, 1) {
		letters := flow.Batch{"dear reader", "the parcel has arrived", "with kind regards"}
		fmt.Fprintf(&answer, "digest %d: %d words\n", number, d.open(letters, number < units))
	}
	answer.WriteString(quote)
	return answer.Bytes(), nil
}

// open has the letters of one digest counted by a collector of its own. An ordinary digest is sealed for the archive,
// an urgent one goes out as it is.
func (d *Desk) open(letters flow.Batch, urgent bool) int {
	unit := d.ledger.Open()
	defer unit.Left() // first, so that it comes last
	batches := make(chan flow.Batch)
	counted := make(chan int, 1)
	go d.collect(batches, counted, unit)
	batches <- letters
	words := <-counted
	defer d.seal(batches, unit)
	if urgent {
		return words
	}
	return words
}

// seal ends a digest: its collector sees the channel closed and goes.
func (d *Desk) seal(batches chan<- flow.Batch, unit *instrument.Unit) {
	close(batches)
	unit.Returned()
}

// collect counts the words of every batch until the digest is sealed.
func (d *Desk) collect(batches <-chan flow.Batch, counted chan<- int, unit *instrument.Unit) {
	defer unit.Returned()
	count := func(batch flow.Batch) {
		words := 0
		for _, letter := range batch {
			words += len(strings.Fields(letter))
		}
		counted <- words
		unit.Settled() // the next thing it does is to wait
	}
	if d.depth == 0 {
		for batch := range batches {
			count(batch)
		}
		return
	}
	for batch, open := flow.Next(d.depth, batches); open; batch, open = flow.Next(d.depth, batches) {
		count(batch)
	}
}
