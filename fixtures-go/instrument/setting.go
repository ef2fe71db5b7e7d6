package instrument

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"time"
)

// The limits of a setting, in one place.
const (
	lineMax  = 64 * 1024 // bytes of one line on descriptor 5
	rateMax  = 1000      // units per request
	depthMax = 64        // frames
	scaleMax = 1000      // times as fast
)

// Setting is the first line on descriptor 5: what this program is to be.
type Setting struct {
	Case      string  `json:"case"`        // which case of the program; may be empty where there is one only
	Rate      float64 `json:"rate"`        // units per request; a fraction is the share of requests that get one more
	Depth     int     `json:"depth"`       // frames between the case and the call that waits or asks
	Seed      uint64  `json:"seed,string"` // decides which requests get the fraction
	Upstream  string  `json:"upstream"`    // host:port, empty when there is none
	TimeScale float64 `json:"time_scale"`  // how many times faster than it is written time passes; see Lasting
}

func parseSetting(line []byte) (Setting, error) {
	setting := Setting{Rate: 1, TimeScale: 1}
	if err := json.Unmarshal(line, &setting); err != nil {
		return Setting{}, fmt.Errorf("setting: %w", err)
	}
	if !(setting.Rate >= 0 && setting.Rate <= rateMax) {
		return Setting{}, fmt.Errorf("setting: rate %v is not in 0..%d", setting.Rate, rateMax)
	}
	if setting.Depth < 0 || setting.Depth > depthMax {
		return Setting{}, fmt.Errorf("setting: depth %d is not in 0..%d", setting.Depth, depthMax)
	}
	if !(setting.TimeScale >= 1 && setting.TimeScale <= scaleMax) {
		return Setting{}, fmt.Errorf("setting: time_scale %v is not in 1..%d", setting.TimeScale, scaleMax)
	}
	if setting.Upstream == "" {
		return setting, nil
	}
	if _, _, err := net.SplitHostPort(setting.Upstream); err != nil {
		return Setting{}, fmt.Errorf("setting: upstream: %w", err)
	}
	return setting, nil
}

// ErrNoUpstream is what a case that cannot do without an upstream answers to a setting that names none.
var ErrNoUpstream = errors.New("setting: this case needs an upstream")

// Lasting is how long something lasts that lasts so long as it is written. A service asks for what shows from outside,
// such as how long a pool takes to fill. What bounds the work of sockets, such as a client's timeout, it does not ask for.
func (s *Setting) Lasting(written time.Duration) time.Duration {
	return max(time.Duration(float64(written)/s.TimeScale), 1)
}

// Units says how many units the request of that number takes. It depends on nothing but seed, rate and number, so that
// two programs with the same setting do the same work however their requests interleave.
func (s *Setting) Units(number uint64) int {
	whole := math.Floor(s.Rate)
	if unitInterval(s.Seed, number) < s.Rate-whole {
		whole++
	}
	return int(whole)
}

// unitInterval is a number in [0, 1): splitmix64 (Steele, Lea and Flood, 2014) of the seed and the number.
func unitInterval(seed, number uint64) float64 {
	value := seed + (number+1)*0x9e3779b97f4a7c15
	value = (value ^ value>>30) * 0xbf58476d1ce4e5b9
	value = (value ^ value>>27) * 0x94d049bb133111eb
	value ^= value >> 31
	return float64(value>>11) / (1 << 53)
}
