package instrument

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

const (
	dialTime   = 2 * time.Second
	headerTime = 10 * time.Second // to the answer's head; the body has no limit, as a limit there would give it back
	idleTime   = time.Second      // short, so that a look after the work sees no connection that is merely kept
	idleMax    = 8
)

// Wire is an HTTP client's transport that follows what becomes of each answer: a unit is taken when the answer's head
// is there, and returned when its body is closed, read to its end or failed, or when the connection under it is closed.
type Wire struct {
	transport *http.Transport
	ledger    *Ledger // nil: follow nothing
}

// NewWire makes a transport whose answers are units of that ledger.
func NewWire(ledger *Ledger) *Wire {
	dialer := &net.Dialer{Timeout: dialTime}
	return &Wire{ledger: ledger, transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &line{Conn: conn}, nil
		},
		ResponseHeaderTimeout: headerTime,
		IdleConnTimeout:       idleTime,
		MaxIdleConnsPerHost:   idleMax,
	}}
}

// RoundTrip is http.RoundTripper.
func (w *Wire) RoundTrip(request *http.Request) (*http.Response, error) {
	if w.ledger == nil {
		return w.transport.RoundTrip(request)
	}
	var carrier atomic.Pointer[line] // the last one, where a stale connection made the transport try again
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if conn, ours := info.Conn.(*line); ours {
			carrier.Store(conn)
		}
	}}
	response, err := w.transport.RoundTrip(request.WithContext(httptrace.WithClientTrace(request.Context(), trace)))
	if err != nil {
		return nil, err
	}
	unit := w.ledger.Open()
	unit.Settled()
	if response.Body == http.NoBody {
		unit.Returned()
	}
	if conn := carrier.Load(); conn != nil {
		conn.carry(unit)
	}
	response.Body = &parcel{body: response.Body, unit: unit}
	return response, nil
}

// Left says that the holder of this answer has dropped it. It is for answers of a Wire with a ledger.
func (w *Wire) Left(response *http.Response) {
	response.Body.(*parcel).unit.Left()
}

// line is a connection that tells the unit it carries when it is closed.
type line struct {
	net.Conn
	mutex  sync.Mutex
	unit   *Unit
	closed bool
}

func (l *line) carry(unit *Unit) {
	l.mutex.Lock()
	l.unit = unit
	closed := l.closed
	l.mutex.Unlock()
	if closed {
		unit.Returned()
	}
}

func (l *line) Close() error {
	err := l.Conn.Close()
	l.mutex.Lock()
	unit := l.unit
	l.closed = true
	l.mutex.Unlock()
	if unit != nil {
		unit.Returned()
	}
	return err
}

// parcel is an answer's body.
type parcel struct {
	body io.ReadCloser
	unit *Unit
}

func (p *parcel) Read(into []byte) (int, error) {
	count, err := p.body.Read(into)
	if err != nil {
		p.unit.Returned()
	}
	return count, err
}

func (p *parcel) Close() error {
	err := p.body.Close()
	p.unit.Returned()
	return err
}
