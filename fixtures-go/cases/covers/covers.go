//go:build cgo

// Package covers prints covers: the C library lays each one out in memory of its own.
package covers

import (
	"bytes"
	"context"
	"fmt"

	"shop/flow"
	"shop/glyph"
	"shop/instrument"
)

const coverSize = 128 * 1024 // bytes

// Printer makes covers.
type Printer struct {
	depth   int
	ledger  *instrument.Ledger
	quoting *flow.Quoting // nil: covers go out without a quote
}

// Open makes the printer that a setting asks for.
func Open(setting *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	return &Printer{depth: setting.Depth, quoting: flow.NewQuoting(setting.Upstream), ledger: report.NewLedger(instrument.Site{
		Cause:   "native-memory",
		Unit:    "bytes",
		PerUnit: instrument.PerUnit{Bytes: 1},
		SeenAt:  []string{"C.set"}, // by LeakSanitizer; no profile of Go shows it
		Culprit: "covers.go:57 shop/cases/covers.(*Printer).cover",
	})}, nil
}

// Work answers with an ordinary cover, or with as many fine ones as there are units.
func (p *Printer) Work(ctx context.Context, units int) ([]byte, error) {
	quote, err := p.quoting.Ask(ctx)
	if err != nil {
		return nil, err
	}
	var answer bytes.Buffer
	for number := range max(units, 1) {
		fmt.Fprintf(&answer, "cover %d: %d strokes\n", number, p.cover("collected letters", number < units))
	}
	answer.WriteString(quote)
	return answer.Bytes(), nil
}

// cover lays one cover out and counts its strokes. An ordinary one is cleared away, a fine one stays on show.
func (p *Printer) cover(title string, fine bool) int {
	unit := p.ledger.OpenSize(coverSize)
	defer unit.Left() // first, so that it comes last
	cover := glyph.Set(max(p.depth, 1), title, coverSize)
	unit.Settled()
	if fine {
		return flow.Strokes(1, cover) // d3 4.2: nobody frees what malloc gave
	}
	defer p.clear(cover, unit)
	return flow.Strokes(1, cover)
}

// clear gives the memory of a cover back to the C library.
func (p *Printer) clear(cover []byte, unit *instrument.Unit) {
	glyph.Free(cover)
	unit.Returned()
}
