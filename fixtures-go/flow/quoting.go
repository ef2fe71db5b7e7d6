package flow

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"shop/instrument"
)

const (
	quoteTime = 5 * time.Second
	quoteMax  = 64 * 1024 // bytes
)

// Quoting asks an upstream for the quote of the day.
type Quoting struct {
	client *http.Client
	url    string
}

// NewQuoting returns nil when there is no upstream.
func NewQuoting(upstream string) *Quoting {
	if upstream == "" {
		return nil
	}
	return &Quoting{client: &http.Client{Transport: instrument.NewWire(nil)}, url: "http://" + upstream + "/quote"}
}

// Ask returns the quote, read to its end and closed; a nil Quoting has none.
func (q *Quoting) Ask(ctx context.Context) (string, error) {
	if q == nil {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, quoteTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, q.url, nil)
	if err != nil {
		return "", fmt.Errorf("quote: %w", err)
	}
	response, err := q.client.Do(request)
	if err != nil {
		return "", fmt.Errorf("quote: %w", err)
	}
	defer response.Body.Close()
	quote, err := io.ReadAll(io.LimitReader(response.Body, quoteMax))
	if err != nil {
		return "", fmt.Errorf("quote: %w", err)
	}
	return string(quote), nil
}
