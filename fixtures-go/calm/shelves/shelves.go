// Package shelves looks into all shelves of a store at once every now and then, and in between into one.
package shelves

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"shop/instrument"
)

const (
	shelfCount  = 64  // looked into side by side: as many connections as are kept
	stockEvery  = 120 // requests between two looks into all of them
	keepTime    = 2 * time.Minute
	answerTime  = 5 * time.Second
	contentsMax = 64 * 1024 // bytes
)

// Store has shelves.
type Store struct {
	client   *http.Client
	url      string
	requests atomic.Int64
}

// Open makes the store that a setting asks for.
func Open(setting *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	if setting.Upstream == "" {
		return nil, instrument.ErrNoUpstream
	}
	for _, site := range []string{"net/http.(*persistConn).readLoop", "net/http.(*persistConn).writeLoop"} {
		report.Tell(instrument.Event{Kind: "calm", Text: site})
	}
	transport := &http.Transport{MaxIdleConnsPerHost: shelfCount, MaxConnsPerHost: shelfCount, IdleConnTimeout: keepTime}
	return &Store{
		client: &http.Client{Transport: transport, Timeout: answerTime},
		url:    "http://" + setting.Upstream + "/shelf",
	}, nil
}

// Work looks into one shelf, or into all of them when it is time to take stock.
func (s *Store) Work(ctx context.Context, units int) ([]byte, error) {
	shelves := 1
	if (s.requests.Add(1)-1)%stockEvery == 0 && units > 0 {
		shelves = shelfCount
	}
	sizes, errs := make([]int64, shelves), make([]error, shelves)
	var looks sync.WaitGroup
	for shelf := range shelves {
		looks.Go(func() { sizes[shelf], errs[shelf] = s.look(ctx, shelf) })
	}
	looks.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%d shelves, %d bytes on the first\n", shelves, sizes[0]), nil
}

// look reads one shelf to its end and closes it: the connection is kept for the next look.
func (s *Store) look(ctx context.Context, shelf int) (int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/%d", s.url, shelf), nil)
	if err != nil {
		return 0, fmt.Errorf("shelf %d: %w", shelf, err)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("shelf %d: %w", shelf, err)
	}
	defer response.Body.Close()
	size, err := io.Copy(io.Discard, io.LimitReader(response.Body, contentsMax))
	if err != nil {
		return 0, fmt.Errorf("shelf %d: %w", shelf, err)
	}
	return size, nil
}
