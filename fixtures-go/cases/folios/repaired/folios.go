//go:build cgo

// Package folios binds folios: the C library is handed a token for each sheet and hands it back when the sheet is due.
package folios

import (
	"bytes"
	"context"
	"fmt"
	"runtime/cgo"

	"shop/flow"
	"shop/glyph"
	"shop/instrument"
)

const sheetSize = 64 * 1024 // bytes

// Binder binds folios.
type Binder struct {
	depth   int
	ledger  *instrument.Ledger
	quoting *flow.Quoting // nil: folios go out without a quote
}

// Open makes the binder that a setting asks for.
func Open(setting *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	maker := "shop/cases/folios.(*Binder).sheet"
	if setting.Depth > 0 {
		maker = "shop/flow.Sheet"
	}
	return &Binder{depth: setting.Depth, quoting: flow.NewQuoting(setting.Upstream), ledger: report.NewLedger(instrument.Site{
		Cause:   "heap",
		Unit:    "handles",
		PerUnit: instrument.PerUnit{Bytes: sheetSize},
		SeenAt:  []string{maker},
		Culprit: "folios.go:63 shop/cases/folios.(*Binder).bind",
	})}, nil
}

// Work answers with an ordinary folio, or with as many annotated ones as there are units.
func (b *Binder) Work(ctx context.Context, units int) ([]byte, error) {
	quote, err := b.quoting.Ask(ctx)
	if err != nil {
		return nil, err
	}
	var answer bytes.Buffer
	for number := range max(units, 1) {
		fmt.Fprintf(&answer, "folio %d: %d strokes\n", number, b.bind("with notes", number < units))
	}
	answer.WriteString(quote)
	return answer.Bytes(), nil
}

// bind has one sheet pass through the C library and counts its strokes.
func (b *Binder) bind(text string, annotated bool) int {
	unit := b.ledger.Open()
	defer unit.Left() // first, so that it comes last
	sheet := cgo.NewHandle(b.sheet(text))
	unit.Settled()
	due := cgo.Handle(glyph.Turn(uintptr(sheet)))
	defer b.drop(sheet, unit)
	if annotated {
		return b.read(due)
	}
	return b.read(due)
}

// drop deletes the handle of a sheet.
func (b *Binder) drop(sheet cgo.Handle, unit *instrument.Unit) {
	sheet.Delete()
	unit.Returned()
}

// sheet is a sheet with a text on it.
func (b *Binder) sheet(text string) []byte {
	var sheet []byte
	if b.depth == 0 {
		sheet = make([]byte, sheetSize)
	} else {
		sheet = flow.Sheet(b.depth, sheetSize)
	}
	copy(sheet, text)
	return sheet
}

// read counts the strokes of the sheet that a handle stands for.
func (b *Binder) read(sheet cgo.Handle) int {
	return flow.Strokes(1, sheet.Value().([]byte))
}
