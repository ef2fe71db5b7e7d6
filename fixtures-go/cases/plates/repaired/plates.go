//go:build cgo

// Package plates engraves plates: the C library lays a text out, and it is proofread before it goes to the press.
package plates

import (
	"bytes"
	"context"
	"fmt"

	"shop/flow"
	"shop/glyph"
	"shop/instrument"
)

const plateSize = 4 * 1024 // bytes

// Engraver makes plates.
type Engraver struct {
	depth   int
	report  *instrument.Report
	ledger  *instrument.Ledger
	quoting *flow.Quoting // nil: plates go out without a quote
}

// Open makes the engraver that a setting asks for.
func Open(setting *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	reader := "shop/cases/plates.(*Engraver).proofread"
	if setting.Depth > 0 {
		reader = "shop/flow.Strokes"
	}
	ledger := report.NewLedger(instrument.Site{
		Cause:   "memory-safety",
		Unit:    "handles",
		PerUnit: instrument.PerUnit{},
		SeenAt:  []string{reader},
		Culprit: "plates.go:63 shop/cases/plates.(*Engraver).engrave",
	})
	return &Engraver{depth: setting.Depth, report: report, ledger: ledger, quoting: flow.NewQuoting(setting.Upstream)}, nil
}

// Work answers with an ordinary plate, or with as many drafts as there are units.
func (e *Engraver) Work(ctx context.Context, units int) ([]byte, error) {
	quote, err := e.quoting.Ask(ctx)
	if err != nil {
		return nil, err
	}
	var answer bytes.Buffer
	for number := range max(units, 1) {
		fmt.Fprintf(&answer, "plate %d: %d strokes\n", number, e.engrave("to whom it may concern", number < units))
	}
	answer.WriteString(quote)
	return answer.Bytes(), nil
}

// engrave lays one plate out and counts its strokes. A unit is a text that is read though it is freed: settled when it
// is freed, left when it is about to be read, returned when the reading is over.
func (e *Engraver) engrave(text string, draft bool) int {
	unit := e.ledger.Open()
	plate := glyph.Set(1, text, plateSize)
	discard := func() { e.clear(plate, unit) }
	if draft {
		defer discard()
		return e.proofread(plate, unit)
	}
	defer discard()
	return e.proofread(plate, unit)
}

// clear gives the memory of a plate back to the C library.
func (e *Engraver) clear(plate []byte, unit *instrument.Unit) {
	glyph.Free(plate)
	unit.Settled()
}

// proofread counts the strokes of a plate.
func (e *Engraver) proofread(plate []byte, unit *instrument.Unit) int {
	defer unit.Returned()
	unit.Left()
	e.report.Flush() // whatever happens in the next line is told
	if e.depth > 0 {
		return flow.Strokes(e.depth, plate)
	}
	strokes := 0
	for _, character := range plate {
		if character > ' ' {
			strokes++
		}
	}
	return strokes
}
