// Package quotes answers every path with a text of its own, always the same.
package quotes

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
)

const lineCount = 12

// Handler answers with several hundred bytes: more than a caller's glance, less than one packet.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := text(r.URL.Path)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		fmt.Fprint(w, answer)
	})
}

// text depends on nothing but the path.
func text(path string) string {
	hash := fnv.New64a()
	var lines strings.Builder
	for number := range lineCount {
		fmt.Fprintf(hash, "%s#%d", path, number)
		fmt.Fprintf(&lines, "item %02d, reference %016x, in stock\n", number, hash.Sum64())
	}
	return lines.String()
}
