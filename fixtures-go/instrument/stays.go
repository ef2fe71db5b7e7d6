package instrument

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/goleak"
)

const (
	settleMax  = 30 * time.Second
	dumpMax    = 64 << 20 // bytes of a dump of all goroutines
	foundWords = "found unexpected goroutines:\n"
)

// stays is go.uber.org/goleak behind a handler: GET ?settle=2s.
//
// goleak is made for the end of a test. It looks at one instant (or, while it finds something, at 21 of them within
// 0.43 s, the last of which counts) and does not know one goroutine from another, so that on a service at work it
// reports who is under way. The handler therefore notes who is there, waits for `settle`, has goleak look, and answers
// only goroutines that were there before too; with settle=0s it answers what goleak says. A goroutine of a connection
// goes from request to request: it was there before when it had the same stack, arguments included. What was there
// when the program became ready is never reported, nor are connections that wait for the network.
//
// Answers: 200 and no body when nothing is found; 500 and goleak's own text, without what it leaves out, when something
// is; 400 for a settle that is no duration up to 30s; 503 when it cannot look now.
type stays struct {
	known atomic.Pointer[goleak.Option] // nil until the program is ready
	mutex sync.Mutex                    // one look at a time
}

// begin takes what is there now as what belongs to the program.
func (s *stays) begin() {
	known := goleak.IgnoreCurrent()
	s.known.Store(&known)
}

func (s *stays) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	settle := time.Duration(0)
	if text := r.URL.Query().Get("settle"); text != "" {
		var err error
		if settle, err = time.ParseDuration(text); err != nil || settle < 0 || settle > settleMax {
			http.Error(w, "settle: a duration from 0s to "+settleMax.String(), http.StatusBadRequest)
			return
		}
	}
	known := s.known.Load()
	if known == nil || !s.mutex.TryLock() {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	defer s.mutex.Unlock()
	var before map[string]string // nil: everybody
	if settle > 0 {
		before = present()
		timer := time.NewTimer(settle)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
	}
	found, err := find(*known)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	if found = both(found, before); found == "" {
		w.WriteHeader(http.StatusOK)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	w.Write([]byte(found))
}

// find is goleak's look: its text, or "" when there is nothing. The error is goleak's panic at a stack that it cannot
// read, such as one with frames left out.
func find(known goleak.Option) (found string, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			first, _, _ := strings.Cut(fmt.Sprint(reason), "\n")
			err = errors.New("goleak: " + first)
		}
	}()
	unexpected := goleak.Find(known,
		goleak.IgnoreAnyFunction("shop/instrument.(*stays).ServeHTTP"),
		goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"),
		goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
	if unexpected != nil {
		found = unexpected.Error()
	}
	return found, nil
}

// present is the stacks of all goroutines by their ids.
func present() map[string]string {
	dump := make([]byte, 64<<10)
	for {
		length := runtime.Stack(dump, true)
		if length < len(dump) || len(dump) >= dumpMax {
			dump = dump[:length]
			break
		}
		dump = make([]byte, 2*len(dump))
	}
	stacks := map[string]string{}
	for one := range strings.SplitSeq(string(dump), "\n\n") {
		if head, stack, whole := strings.Cut(strings.TrimPrefix(one, "goroutine "), "\n"); whole {
			id, _, _ := strings.Cut(head, " ")
			stacks[id] = strings.TrimSpace(stack)
		}
	}
	return stacks
}

// both is goleak's text with only the goroutines that are in `before`; "" when none is left. Each begins with
// "Goroutine 7 in state "; a space is between two of them, and a stack has no line that begins with one.
func both(found string, before map[string]string) string {
	list, goleaks := strings.CutPrefix(found, foundWords+"[Goroutine ")
	if before == nil || !goleaks {
		return found
	}
	var kept []string
	for one := range strings.SplitSeq(strings.TrimSuffix(list, "]"), "\n Goroutine ") {
		head, stack, _ := strings.Cut(one, "\n")
		id, _, _ := strings.Cut(head, " ")
		was, there := before[id]
		if there && (!ofConnection(stack) || was == strings.TrimSpace(stack)) {
			kept = append(kept, "Goroutine "+strings.TrimSuffix(one, "\n")+"\n")
		}
	}
	if kept == nil {
		return ""
	}
	return foundWords + "[" + strings.Join(kept, " ") + "]"
}

// ofConnection tells whether a stack is that of a goroutine which lives as long as an HTTP connection: the server's
// side, or the reader of a Transport's.
func ofConnection(stack string) bool {
	return strings.Contains(stack, "net/http.(*conn).serve(") ||
		strings.Contains(stack, "net/http.(*persistConn).readLoop(")
}
