package instrument

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestParseSetting(t *testing.T) {
	line := `{"case":"digest","rate":0.25,"depth":3,"seed":"18446744073709551615","upstream":"127.0.0.1:80","time_scale":2.5}`
	want := Setting{Case: "digest", Rate: 0.25, Depth: 3, Seed: math.MaxUint64, Upstream: "127.0.0.1:80", TimeScale: 2.5}
	if got, err := parseSetting([]byte(line)); err != nil || got != want {
		t.Errorf("parseSetting(%s) = %+v, %v; want %+v", line, got, err, want)
	}
}

func TestParseSettingOfNothing(t *testing.T) {
	want := Setting{Rate: 1, TimeScale: 1}
	if got, err := parseSetting([]byte(`{}`)); err != nil || got != want {
		t.Errorf("parseSetting({}) = %+v, %v; want %+v", got, err, want)
	}
}

func TestLasting(t *testing.T) {
	for _, c := range []struct {
		scale         float64
		written, want time.Duration
	}{
		{1, 15 * time.Second, 15 * time.Second},
		{20, 15 * time.Second, 750 * time.Millisecond},
		{2.5, time.Second, 400 * time.Millisecond},
		{1000, 10 * time.Nanosecond, 1}, // a ticker wants more than nothing
	} {
		if got := (&Setting{TimeScale: c.scale}).Lasting(c.written); got != c.want {
			t.Errorf("%v lasts %v at %v, want %v", c.written, got, c.scale, c.want)
		}
	}
}

func TestParseSettingRefuses(t *testing.T) {
	for line, want := range map[string]string{
		``:                            "unexpected end",
		`[]`:                          "cannot unmarshal",
		`{"rate":-1}`:                 "rate -1 is not in",
		`{"rate":1e9}`:                "rate 1e+09 is not in",
		`{"rate":"many"}`:             "cannot unmarshal",
		`{"depth":-1}`:                "depth -1 is not in",
		`{"depth":65}`:                "depth 65 is not in",
		`{"seed":"-1"}`:               "setting: json", // each release words these otherwise
		`{"seed":"twelve"}`:           "setting: json",
		`{"time_scale":0.5}`:          "time_scale 0.5 is not in",
		`{"time_scale":0}`:            "time_scale 0 is not in",
		`{"time_scale":1001}`:         "time_scale 1001 is not in",
		`{"time_scale":"fast"}`:       "cannot unmarshal",
		`{"upstream":"no port here"}`: "missing port",
	} {
		if setting, err := parseSetting([]byte(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseSetting(%s) = %+v, %v; want an error with %q", line, setting, err, want)
		}
	}
}

func TestUnits(t *testing.T) {
	const requests = 10000
	for _, rate := range []float64{0, 0.25, 1, 2.5, 4} {
		setting, twin := Setting{Rate: rate, Seed: 7}, Setting{Rate: rate, Seed: 7}
		sum := 0
		for number := range uint64(requests) {
			units := setting.Units(number)
			if again := twin.Units(number); units != again {
				t.Fatalf("rate %v, request %d: %d units, then %d", rate, number, units, again)
			}
			if float64(units) < math.Floor(rate) || float64(units) > math.Ceil(rate) {
				t.Fatalf("rate %v, request %d: %d units", rate, number, units)
			}
			sum += units
		}
		if mean := float64(sum) / requests; math.Abs(mean-rate) > 0.02 {
			t.Errorf("rate %v: %v units per request", rate, mean)
		}
	}
	one, other := Setting{Rate: 0.5, Seed: 1}, Setting{Rate: 0.5, Seed: 2}
	different := 0
	for number := range uint64(requests) {
		if one.Units(number) != other.Units(number) {
			different++
		}
	}
	if different < requests/3 {
		t.Errorf("two seeds decide differently %d times of %d, want about half", different, requests)
	}
}
