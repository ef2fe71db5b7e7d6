// Package notices hangs notices on the board of the house: who reads them has a channel there.
package notices

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"

	"shop/flow"
	"shop/instrument"
)

// board is everybody's, and there for as long as the house is.
var board = struct {
	sync.Mutex
	readers map[chan flow.Batch]bool
}{readers: map[chan flow.Batch]bool{}}

// Desk looks after the board.
type Desk struct {
	depth   int
	ledger  *instrument.Ledger
	quoting *flow.Quoting // nil: notices hang without a quote
}

// Open makes the desk that a setting asks for.
func Open(setting *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	reader := "shop/cases/notices.(*Desk).read"
	if setting.Depth > 0 {
		reader = "shop/flow.Next"
	}
	return &Desk{depth: setting.Depth, quoting: flow.NewQuoting(setting.Upstream), ledger: report.NewLedger(instrument.Site{
		Cause:   "chan-receive",
		Unit:    "goroutines",
		PerUnit: instrument.PerUnit{Goroutines: 1},
		SeenAt:  []string{reader},
		Culprit: "notices.go:66 shop/cases/notices.(*Desk).hang",
	})}, nil
}

// Work hangs an ordinary notice, or as many lasting ones as there are units.
func (d *Desk) Work(ctx context.Context, units int) ([]byte, error) {
	quote, err := d.quoting.Ask(ctx)
	if err != nil {
		return nil, err
	}
	var answer bytes.Buffer
	for number := range max(units, 1) {
		notice := flow.Batch{"the lift is out of order", "the parcel is with the neighbours"}
		fmt.Fprintf(&answer, "notice %d: %d words\n", number, d.hang(notice, number < units))
	}
	answer.WriteString(quote)
	return answer.Bytes(), nil
}

// hang has one notice read by a reader of its own.
func (d *Desk) hang(notice flow.Batch, lasting bool) int {
	unit := d.ledger.Open()
	defer unit.Left() // first, so that it comes last
	notices, counted := d.enter(), make(chan int, 1)
	go d.read(notices, counted, unit)
	notices <- notice
	if lasting {
		return <-counted // d0 2.1: nobody takes the channel off the board and closes it, so its reader receives for ever
	}
	defer d.leave(notices, unit)
	return <-counted
}

// enter puts a new channel on the board.
func (d *Desk) enter() chan flow.Batch {
	notices := make(chan flow.Batch)
	board.Lock()
	defer board.Unlock()
	board.readers[notices] = true
	return notices
}

// leave takes a channel off the board: its reader sees it closed and goes.
func (d *Desk) leave(notices chan flow.Batch, unit *instrument.Unit) {
	board.Lock()
	delete(board.readers, notices)
	board.Unlock()
	close(notices)
	unit.Returned()
}

// read counts the words of every notice until there are no more.
func (d *Desk) read(notices <-chan flow.Batch, counted chan<- int, unit *instrument.Unit) {
	defer unit.Returned()
	count := func(notice flow.Batch) {
		words := 0
		for _, line := range notice {
			words += len(strings.Fields(line))
		}
		counted <- words
		unit.Settled() // the next thing it does is to wait
	}
	if d.depth == 0 {
		for notice := range notices {
			count(notice)
		}
		return
	}
	for notice, open := flow.Next(d.depth, notices); open; notice, open = flow.Next(d.depth, notices) {
		count(notice)
	}
}
