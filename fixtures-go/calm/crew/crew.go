// Package crew puts a crew together: with the first task it begins to come aboard, over a quarter of a minute, and then
// waits for work.
package crew

import (
	"context"
	"fmt"
	"sync"
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
	boardTime time.Duration
	sails     sync.Once // with the first task
	tasks     chan flow.Batch
	done      chan int
}

// Open has the first of the crew aboard.
func Open(setting *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	report.Tell(instrument.Event{Kind: "calm", Text: "shop/calm/crew.(*Ship).attend"})
	ship := &Ship{boardTime: setting.Lasting(boardTime), tasks: make(chan flow.Batch), done: make(chan int, crewMax)}
	go ship.attend()
	return ship, nil
}

// board brings the rest aboard at an even pace. Who was held up by a busy machine comes with the next.
func (s *Ship) board() {
	began, gangway := time.Now(), time.NewTicker(max(s.boardTime/crewMax, 1))
	defer gangway.Stop()
	for aboard := 1; aboard < crewMax; {
		<-gangway.C
		for due := min(int(crewMax*time.Since(began)/s.boardTime), crewMax); aboard < due; aboard++ {
			go s.attend()
		}
	}
}

// Work has as many tasks done as there are units.
func (s *Ship) Work(_ context.Context, units int) ([]byte, error) {
	s.sails.Do(func() { go s.board() })
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
