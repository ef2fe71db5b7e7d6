package instrument

import (
	"strconv"
	"sync"
)

// Site says what a unit is and where it shows.
type Site struct {
	Cause   string   // a name of the runner's table of causes
	Unit    string   // what is counted: goroutines, connections, …
	PerUnit PerUnit  // what one costs
	SeenAt  []string // functions, as profiles print them, where it can be seen
	Culprit string   // "file.go:line function" at fault
}

// Ledger counts the units of one site that are held: those that nobody is left to give back, or, of a ledger of holds,
// those that will be given back in time.
type Ledger struct {
	report      *Report
	site        Site
	words       words
	mutex       sync.Mutex
	outstanding int
	intervals   int
}

// words are how a ledger speaks: the kinds of its events and the letter before the number of an interval.
type words struct{ grown, shrunk, letter string }

var (
	keptWords = words{"leak", "cured", "i"}
	holdWords = words{"hold", "release", "h"}
)

// NewLedger opens the books of one site.
func (r *Report) NewLedger(site Site) *Ledger {
	return &Ledger{report: r, site: site, words: keptWords}
}

// NewHolds opens the books of one site whose units are all given back in time: each counts from Settled to Returned.
func (r *Report) NewHolds(site Site) *Ledger {
	return &Ledger{report: r, site: site, words: holdWords}
}

// Unit is one piece of the resource. It is held for good from the later of Settled and Left, unless it is Returned.
// A unit must not be able to reach the resource itself: that would keep it reachable for the runtime.
type Unit struct {
	ledger   *Ledger
	size     int // what it adds to the ledger's amount
	settled  bool
	left     bool
	returned bool
}

// Open begins a unit; whoever holds it must see to it that Settled and Left are called.
func (l *Ledger) Open() *Unit {
	return l.OpenSize(1)
}

// OpenSize begins a unit that is worth so many, such as the bytes of one piece of memory.
func (l *Ledger) OpenSize(size int) *Unit {
	return &Unit{ledger: l, size: size, left: l.words == holdWords}
}

// Settled says that the resource is now taken: the goroutine is about to wait, the connection carries the answer.
func (u *Unit) Settled() {
	u.ledger.mutex.Lock()
	defer u.ledger.mutex.Unlock()
	if !u.settled {
		u.settled = true
		u.count()
	}
}

// Left says that the last party that could have given the unit back has gone.
func (u *Unit) Left() {
	u.ledger.mutex.Lock()
	defer u.ledger.mutex.Unlock()
	if !u.left {
		u.left = true
		u.count()
	}
}

// count is called under the lock, once for each of the two conditions; the second one to come true counts.
func (u *Unit) count() {
	if !u.settled || !u.left || u.returned {
		return
	}
	l := u.ledger
	event := Event{Kind: l.words.grown}
	if l.outstanding == 0 {
		l.intervals++
		event.Cause, event.Unit, event.PerUnit = l.site.Cause, l.site.Unit, &l.site.PerUnit
		event.SeenAt, event.Culprit = l.site.SeenAt, l.site.Culprit
	}
	l.outstanding += u.size
	l.tell(event)
}

// Returned says that the resource is given back, or that this is now certain. A unit that was counted is cured by it.
func (u *Unit) Returned() {
	l := u.ledger
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if u.returned {
		return
	}
	u.returned = true
	if u.settled && u.left {
		l.outstanding -= u.size
		l.tell(Event{Kind: l.words.shrunk})
	}
}

func (l *Ledger) tell(event Event) {
	amount := l.outstanding
	event.Interval, event.Amount = l.words.letter+strconv.Itoa(l.intervals), &amount
	l.report.Tell(event)
}
