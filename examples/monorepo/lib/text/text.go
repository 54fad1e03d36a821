// Package text prepares texts for people.
package text

import "strings"

// Title is a name in capitals, between two lines' worth of air.
func Title(name string) string {
	return "  " + strings.ToUpper(name) + "  "
}
