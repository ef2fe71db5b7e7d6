// Command sitegrowth claims a place whose goroutines rose in each of `window` profiles, by `growth` or more in all.
package main

import (
	"encoding/json"
	"log"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"

	"github.com/google/pprof/profile"
)

const window = 8 // profiles
var machinery = regexp.MustCompile(`^(runtime[./]|internal/|sync[./]|syscall\.|time\.Sleep)`)
var typeArguments = regexp.MustCompile(`\[.*\]`)

type line struct {
	Type, Profile, Format, Purpose, Path string
	Seq                                  uint64
	Instance, Incarnation                int
	Options                              map[string]string
}

func sites(path string) map[string]int64 { // how many goroutines stand at each function that is not machinery
	counts := map[string]int64{}
	for _, sample := range check(profile.ParseData(check(os.ReadFile(path)))).Sample {
		site := "" // from the outside in, so that the last one found is the innermost
		for _, location := range slices.Backward(sample.Location) {
			for _, frame := range slices.Backward(location.Line) {
				if !machinery.MatchString(frame.Function.Name) {
					site = frame.Function.Name
				}
			}
		}
		counts[typeArguments.ReplaceAllLiteralString(site, "[...]")] += sample.Value[0]
	}
	delete(counts, "") // those with nothing else
	return counts
}

func check[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err) // leakdrill keeps what stands on standard error
	}
	return value
}

func main() {
	say := func(words map[string]any) { check(0, json.NewEncoder(os.Stdout).Encode(words)) }
	history, claimed, blind, growth := map[string][]map[string]int64{}, map[string]bool{}, map[int]bool{}, int64(20)
	for input, told := json.NewDecoder(os.Stdin), (line{}); input.Decode(&told) == nil; told = (line{}) {
		life := strconv.Itoa(told.Instance) + "." + strconv.Itoa(told.Incarnation) + "."
		if text, given := told.Options["growth"]; given {
			growth = check(strconv.ParseInt(text, 10, 64))
		}
		if told.Type == "failed" && told.Profile == "goroutine" {
			blind[told.Instance] = true
			say(map[string]any{"type": "unknown"})
		} else if told.Type == "profile" && told.Profile == "goroutine" && told.Format == "pprof" && told.Purpose == "period" {
			if blind[told.Instance] {
				say(map[string]any{"type": "known"})
			}
			blind[told.Instance] = false
			history[life] = append(history[life][max(0, len(history[life])-window+1):], sites(told.Path))
			profiles, now := history[life], history[life][len(history[life])-1]
			for _, site := range slices.Sorted(maps.Keys(now)) { // not in the map's order: a replay says the same
				rose := slices.IsSortedFunc(profiles, func(a, b map[string]int64) int { return int(a[site] - b[site] - 1) })
				if len(profiles) == window && rose && now[site]-profiles[0][site] >= growth && !claimed[life+site] {
					claimed[life+site] = true
					say(map[string]any{"type": "open", "id": life + site, "site": site, "amount": now[site]})
				}
			}
		}
		say(map[string]any{"type": "done", "seq": told.Seq})
	}
}
