// Package crew puts a crew together: it comes aboard over a quarter of a minute and then waits for work.
package crew

import (
	"context"
	"fmt"
	"time"

	"shop/flow"
	"shop/instrument"
)

const (
	crewMax   = 150
	boardTime = 15 * time.Second // until all are aboard
)

// Ship has a crew.
type Ship struct {
	tasks chan flow.Batch
	done  chan int
}

// Open lets the crew come aboard.
func Open(_ *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	report.Tell(instrument.Event{Kind: "calm", Text: "shop/calm/crew.(*Ship).attend"})
	ship := &Ship{tasks: make(chan flow.Batch), done: make(chan int, crewMax)}
	go ship.attend()
	go ship.board()
	return ship, nil
}

// board brings the rest aboard, one after the other.
func (s *Ship) board() {
	gangway := time.NewTicker(boardTime / crewMax)
	defer gangway.Stop()
	for range crewMax - 1 {
		<-gangway.C
		go s.attend()
	}
}

// Work has as many tasks done as there are units.
func (s *Ship) Work(_ context.Context, units int) ([]byte, error) {
	done := 0
	for range max(units, 1) {
		s.tasks <- flow.Batch{"scrub the deck", "mend the sails"}
		done += <-s.done
	}
	return fmt.Appendf(nil, "%d tasks\n", done), nil
}

// attend is one of the crew.
func (s *Ship) attend() {
	for tasks := range s.tasks {
		s.done <- len(tasks)
	}
}
