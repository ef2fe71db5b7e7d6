// Package prices looks up what things cost in an upstream's price list.
package prices

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"shop/flow"
	"shop/instrument"
)

const (
	headMax = 16        // bytes of a list that show whether a price is there
	listMax = 64 * 1024 // bytes of a whole list
)

// Shelf looks prices up.
type Shelf struct {
	depth  int
	wire   *instrument.Wire
	client *http.Client
	url    string
}

// Open makes the shelf that a setting asks for.
func Open(setting *instrument.Setting, report *instrument.Report) (instrument.Service, error) {
	if setting.Upstream == "" {
		return nil, instrument.ErrNoUpstream
	}
	wire := instrument.NewWire(report.NewLedger(instrument.Site{
		Cause:   "http-connection",
		Unit:    "connections",
		PerUnit: instrument.PerUnit{Goroutines: 2, Descriptors: 1},
		SeenAt:  []string{"net/http.(*persistConn).readLoop", "net/http.(*persistConn).writeLoop"},
		Culprit: "prices.go:71 shop/cases/prices.(*Shelf).look",
	}))
	url := "http://" + setting.Upstream + "/prices"
	return &Shelf{depth: setting.Depth, wire: wire, client: &http.Client{Transport: wire}, url: url}, nil
}

// Work answers with a whole list, or with as many glances at one as there are units.
func (s *Shelf) Work(ctx context.Context, units int) ([]byte, error) {
	var answer bytes.Buffer
	// A list is worth having even when the one who asked has gone, so its request does not end with theirs.
	ctx = context.WithoutCancel(ctx)
	for number := range max(units, 1) {
		list, err := s.look(ctx, number < units)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&answer, "%d: %s\n", number, list)
	}
	return answer.Bytes(), nil
}

// look asks for the list. A glance needs its first bytes only.
func (s *Shelf) look(ctx context.Context, glance bool) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, fmt.Errorf("prices: %w", err)
	}
	response, err := flow.Ask(s.depth, s.client, request)
	if err != nil {
		return nil, fmt.Errorf("prices: %w", err)
	}
	defer s.wire.Left(response) // first, so that it comes last
	if glance {
		return first(response.Body) // d0 3.1: neither read to its end nor closed, the body keeps its connection
	}
	defer response.Body.Close()
	return whole(response.Body)
}

func first(body io.Reader) ([]byte, error) {
	head := make([]byte, headMax)
	if _, err := io.ReadFull(body, head); err != nil {
		return nil, fmt.Errorf("prices: %w", err)
	}
	return head, nil
}

func whole(body io.Reader) ([]byte, error) {
	list, err := io.ReadAll(io.LimitReader(body, listMax))
	if err != nil {
		return nil, fmt.Errorf("prices: %w", err)
	}
	return list, nil
}
