package instrument

import (
	"math"
	"runtime"
	"runtime/metrics"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestEstimate(t *testing.T) {
	count, sum := estimate(&metrics.Float64Histogram{
		Counts:  []uint64{1, 2, 0, 3},
		Buckets: []float64{math.Inf(-1), 1, 2, 4, math.Inf(1)},
	})
	if count != 6 || sum != 1*1+2*1.5+3*4 {
		t.Errorf("count %d, sum %g", count, sum)
	}
}

func TestPausesRise(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newPauses())
	before := pauseCount(t, registry)
	runtime.GC()
	if after := pauseCount(t, registry); after <= before {
		t.Errorf("%d pauses after a collection, %d before", after, before)
	}
}

func pauseCount(t *testing.T, registry *prometheus.Registry) uint64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil || len(families) != 2 {
		t.Fatalf("%d families, %v", len(families), err)
	}
	return families[0].Metric[0].Summary.GetSampleCount()
}
