package instrument

import (
	"math"
	"runtime/metrics"

	"github.com/prometheus/client_golang/prometheus"
)

// pauses tells for how long the runtime stopped the world. The client's own histograms of these metrics have buckets
// that are powers of ten and count each pause at its bucket's lower end; here the sum is of the runtime's own buckets,
// each pause taken to be in the middle of one, which is right to about an eighth.
type pauses struct {
	names []metrics.Sample
	descs []*prometheus.Desc
}

func newPauses() *pauses {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	return &pauses{
		names: []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}, {Name: "/sched/pauses/total/other:seconds"}},
		descs: []*prometheus.Desc{
			desc("go_sched_pauses_total_gc_seconds", "Stop-the-world pauses of collections, the sum estimated."),
			desc("go_sched_pauses_total_other_seconds", "Other stop-the-world pauses, the sum estimated."),
		},
	}
}

// Describe tells the names.
func (p *pauses) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range p.descs {
		descs <- desc
	}
}

// Collect reads both; what this runtime does not have is left out.
func (p *pauses) Collect(collected chan<- prometheus.Metric) {
	samples := append([]metrics.Sample(nil), p.names...)
	metrics.Read(samples)
	for i, sample := range samples {
		if sample.Value.Kind() != metrics.KindFloat64Histogram {
			continue
		}
		count, sum := estimate(sample.Value.Float64Histogram())
		collected <- prometheus.MustNewConstSummary(p.descs[i], count, sum, nil)
	}
}

// estimate takes every value to be in the middle of its bucket; of a bucket without an end, at the end that it has.
func estimate(histogram *metrics.Float64Histogram) (count uint64, sum float64) {
	for i, n := range histogram.Counts {
		low, high := histogram.Buckets[i], histogram.Buckets[i+1]
		if math.IsInf(low, -1) {
			low = high
		}
		if math.IsInf(high, 1) {
			high = low
		}
		count += n
		sum += float64(n) * (low + high) / 2
	}
	return count, sum
}
